package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"slices"
)

const (
	// colours is how many a picture keeps: pages have few, and letters need shades.
	colours = 32
	// tallest is where a picture is cut. What is below repeats.
	tallest = 1400
)

// shrink writes a screenshot with few colours, so that many versions of it fit
// into a repository.
func shrink(w io.Writer, screenshot []byte) error {
	full, err := png.Decode(bytes.NewReader(screenshot))
	if err != nil {
		return err
	}
	bounds := full.Bounds()
	bounds.Max.Y = min(bounds.Max.Y, bounds.Min.Y+tallest)
	counts := map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[full.At(x, y)]++
		}
	}
	few := image.NewPaletted(bounds, palette(counts))
	nearest := map[color.Color]uint8{}
	for c := range counts {
		nearest[c] = uint8(few.Palette.Index(c))
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			few.SetColorIndex(x, y, nearest[full.At(x, y)])
		}
	}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	return encoder.Encode(w, few)
}

// palette is the colours that are seen most, of those that look alike one.
func palette(counts map[color.Color]int) color.Palette {
	order := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(brightness(a), brightness(b)))
	})
	var kept color.Palette
	for _, apart := range []uint32{0x1800, 0x0800, 0} {
		for _, c := range order {
			if len(kept) < colours && (len(kept) == 0 || distance(kept.Convert(c), c) > apart) {
				kept = append(kept, c)
			}
		}
	}
	return kept
}

func brightness(c color.Color) uint32 {
	r, g, b, _ := c.RGBA()
	return r + g + b
}

// distance is the largest difference of a channel.
func distance(a, b color.Color) uint32 {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	apart := func(x, y uint32) uint32 { return max(x, y) - min(x, y) }
	return max(apart(ar, br), apart(ag, bg), apart(ab, bb))
}
