package worker

import "testing"

func TestTextIsInnerText(t *testing.T) {
	tests := map[string]struct{ page, want string }{
		"words are apart at <br>":             {`<li>Hello<br>World</li>`, "Hello World"},
		"words are apart at blocks":           {`<li><div>Name</div><div>Brand</div></li>`, "Name Brand"},
		"a block ends a word before it":       {`<li>Name<p>Brand</li>`, "Name Brand"},
		"words are apart in cells":            {`<li><table><tr><td>a<td>b<tr><th>c</table></li>`, "a b c"},
		"words are apart in lists":            {`<li><ol><dd>a<dt>b</ol></li>`, "a b"},
		"options are apart":                   {`<li><select><option>a<option>b</select></li>`, "a b"},
		"inline elements keep words together": {`<li>12<sup>99</sup> <b>l</b>amp</li>`, "1299 lamp"},
		"white space is folded":               {"<li> a\n\t b&nbsp;c </li>", "a b c"},
		"no script and no style":              {`<li>Lamp<script>var a="x";</script><style>.a{}</style></li>`, "Lamp"},
		"no template":                         {`<li>Lamp<template>ghost</template></li>`, "Lamp"},
		"no hidden element":                   {`<li>Lamp<span hidden>x</span></li>`, "Lamp"},
		"no title of a picture":               {`<li>Lamp<svg><title>star</title><text>5</text></svg></li>`, "Lamp5"},
		"no datalist and no rp":               {`<li>a<datalist>b</datalist><ruby>c<rp>(</rp><rt>d</rt></ruby></li>`, "acd"},
		"no comment":                          {`<li>a<!-- b -->c</li>`, "ac"},
		"noscript is content":                 {`<li>Lamp <noscript>9 €</noscript></li>`, "Lamp 9 €"},
		"preformatted text is folded too":     {"<li><pre>a\n  b</pre></li>", "a b"},
		"a textarea's text":                   {"<li><textarea>a <b></textarea></li>", "a <b>"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := crawlSite(t, routes{"/": body("<meta charset=utf-8>" + tt.page)}, nil)
			if len(got.records) != 1 || got.records[0].Fields["t"] != tt.want {
				t.Errorf("%q, want %q", got.texts(), tt.want)
			}
		})
	}
}

func TestFieldsFindWhatAPageHolds(t *testing.T) {
	tests := map[string]struct{ page, field, want string }{
		"a picture within noscript":           {`<li><noscript><img src=/a.png></noscript></li>`, "img@src", "{site}/a.png"},
		"a script that is asked for itself":   {`<li><script type=application/ld+json>{"p": 9}</script></li>`, "script", `{"p": 9}`},
		"a hidden element, asked for itself":  {`<li><span hidden>9</span></li>`, "span", "9"},
		"href":                                {`<li><a href="p/1">x</a></li>`, "a@href", "{site}/p/1"},
		"href by <base>":                      {`<base href=/shop/><li><a href="p/1">x</a></li>`, "a@href", "{site}/shop/p/1"},
		"href by the first <base> with href":  {`<base target=x><base href=/shop/><base href=/b/><li><a href="1">x</a></li>`, "a@href", "{site}/shop/1"},
		"href by a <base> that is no address": {`<base href="data:x"><li><a href="1">x</a></li>`, "a@href", "{site}/1"},
		"href with a blank and Cyrillic":      {`<li><a href=" /п р?q=я ">x</a></li>`, "a@href", "{site}/%D0%BF%20%D1%80?q=%D1%8F"},
		"href of another scheme":              {`<li><a href="mailto:a@b.example">x</a></li>`, "a@href", "mailto:a@b.example"},
		"data-src":                            {`<li><img data-src="a.png"></li>`, "img@data-src", "{site}/a.png"},
		"poster":                              {`<li><video poster="a.png"></video></li>`, "video@poster", "{site}/a.png"},
		"action":                              {`<li><form action="buy"></form></li>`, "form@action", "{site}/buy"},
		"data of an object":                   {`<li><object data="a.pdf"></object></li>`, "object@data", "{site}/a.pdf"},
		"data of another element":             {`<li><i data="a.pdf"></i></li>`, "i@data", "a.pdf"},
		"xlink:href":                          {`<li><svg><use xlink:href="i.svg#a"></use></svg></li>`, "use@xlink:href", "{site}/i.svg#a"},
		"srcset":                              {`<li><img srcset="a.png, b.png 2x,/c.png   300w"></li>`, "img@srcset", "{site}/a.png, {site}/b.png 2x, {site}/c.png 300w"},
		"srcset with commas in addresses":     {`<li><img srcset="a,b.png 1x, c,d.png 2x"></li>`, "img@srcset", "{site}/a,b.png 1x, {site}/c,d.png 2x"},
		"srcset with a comma and no blank":    {`<li><img srcset="a.png,b.png 2x"></li>`, "img@srcset", "{site}/a.png,b.png 2x"},
		"srcset with a data URL":              {`<li><img srcset="data:image/png;base64,AA== 1x, b.png 2x"></li>`, "img@srcset", "data:image/png;base64,AA== 1x, {site}/b.png 2x"},
		"an empty srcset":                     {`<li><img srcset=" , "></li>`, "img@srcset", ""},
		"data-srcset":                         {`<li><img data-srcset="a.png 2x"></li>`, "img@data-srcset", "{site}/a.png 2x"},
		"imagesrcset":                         {`<li><link imagesrcset="a.png 2x"></li>`, "link@imagesrcset", "{site}/a.png 2x"},
		"an attribute in upper case":          {`<li><a HREF="1">x</a></li>`, "a@HREF", "{site}/1"},
		"an attribute that is no address":     {`<li><a title="1">x</a></li>`, "a@title", "1"},
		":has":                                {`<li><p>a</p><p>b<i></i></p></li>`, "p:has(i)", "b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var base string
			got := crawlSite(t, routes{"/": body("<meta charset=utf-8>" + tt.page)}, func(h *HTML, site string) {
				h.Fields, base = map[string]string{"t": tt.field}, site
			})
			want := replaceSite(tt.want, base)
			if len(got.records) != 1 || got.records[0].Fields["t"] != want {
				t.Errorf("%q, want %q (%+v)", got.texts(), want, got)
			}
		})
	}
}

// What is within <template> is no part of the page: neither an item nor a link.
func TestATemplateIsNoContent(t *testing.T) {
	got := crawlSite(t, routes{"/": body(`<template><li>ghost</li><a class=next href=/2></template><li>lamp</li>
		<table><template><tr><td><li>ghost</li></template></table>`)}, nil)
	if got.items != 1 || got.texts()[0] != "lamp" || got.note != "1 page; ended: no next link" {
		t.Errorf("%+v", got)
	}
}
