package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"slices"
)

// shrink makes a picture of at most 256 colours: those that it has most of, and for each
// other one the nearest of these. Pages have few colours and many shades between them.
func shrink(picture []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	bounds, counts := from.Bounds(), map[color.RGBA]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)]++
		}
	}
	var colours []color.RGBA
	for c := range counts {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int { return counts[b] - counts[a] })
	palette := color.Palette{}
	for _, c := range colours {
		if len(palette) < 256 && apart(palette, c) {
			palette = append(palette, c)
		}
	}
	to := image.NewPaletted(bounds, palette)
	known := map[color.RGBA]uint8{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)
			if _, seen := known[c]; !seen {
				known[c] = uint8(palette.Index(c))
			}
			to.SetColorIndex(x, y, known[c])
		}
	}
	var small bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&small, to)
	return small.Bytes(), err
}

// apart reports whether a colour differs enough from those of the palette to be one of them.
func apart(palette color.Palette, c color.RGBA) bool {
	for _, other := range palette {
		o := other.(color.RGBA)
		far := func(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }
		if far(o.R, c.R)+far(o.G, c.G)+far(o.B, c.B) < 12 {
			return false
		}
	}
	return true
}
