package worker

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

func encoded(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAPageIsDecodedAsABrowserDoes(t *testing.T) {
	cp1251 := func(s string) string { return encoded(t, charmap.Windows1251, s) }
	utf16 := func(e unicode.Endianness, bom unicode.BOMPolicy, s string) string {
		return encoded(t, unicode.UTF16(e, bom), s)
	}
	named := func(label, s string) string {
		e, err := htmlindex.Get(label)
		if err != nil {
			t.Fatal(err)
		}
		return encoded(t, e, s)
	}
	const phone = "<li>Смартфон</li>"
	far := "<!-- " + strings.Repeat("x", 4000) + " -->"
	tests := map[string]struct {
		header, page string
		want         string
		note         string // a part of the note; empty: nothing about decoding
	}{
		"the header names it":                            {"text/html; charset=windows-1251", cp1251(phone), "Смартфон", ""},
		"the header names it in quotes and upper case":   {`text/html; Charset="WINDOWS-1251"`, cp1251(phone), "Смартфон", ""},
		"the header is malformed and names it":           {"text/html; charset=windows-1251; ; x", cp1251(phone), "Смартфон", ""},
		"the header names it twice, the first counts":    {"text/html; charset=windows-1251; charset=utf-8", cp1251(phone), "Смартфон", ""},
		"meta charset names it":                          {"text/html", cp1251("<meta charset=windows-1251>" + phone), "Смартфон", ""},
		"meta http-equiv names it":                       {"text/html", cp1251(`<META HTTP-EQUIV=Content-Type content="text/html; charset=windows-1251">` + phone), "Смартфон", ""},
		"meta stands after 4,000 bytes":                  {"text/html", far + cp1251("<meta charset=windows-1251>"+phone), "Смартфон", ""},
		"meta within a comment does not count":           {"text/html", "<!-- <meta charset=windows-1251> -->" + phone, "Смартфон", ""},
		"meta within a script does not count":            {"text/html", "<script>'<meta charset=windows-1251>'</script>" + phone, "Смартфон", ""},
		"meta names another thing than content-type":     {"text/html", `<meta name=x content="charset=windows-1251">` + phone, "Смартфон", ""},
		"the header goes before meta":                    {"text/html; charset=utf-8", "<meta charset=windows-1251>" + phone, "Смартфон", ""},
		"an unknown header, then meta":                   {"text/html; charset=none-such", cp1251("<meta charset=windows-1251>" + phone), "Смартфон", ""},
		"an unknown meta, then another":                  {"text/html", cp1251("<meta charset=none-such><meta charset=windows-1251>" + phone), "Смартфон", ""},
		"a UTF-8 mark goes before the header":            {"text/html; charset=windows-1251", "\xEF\xBB\xBF" + phone, "Смартфон", ""},
		"a UTF-8 mark before an item":                    {"text/html", "\xEF\xBB\xBF<li>Smartphone é</li>", "Smartphone é", ""},
		"UTF-16LE by its mark":                           {"text/html", utf16(unicode.LittleEndian, unicode.UseBOM, phone), "Смартфон", ""},
		"UTF-16BE by its mark":                           {"text/html; charset=utf-8", utf16(unicode.BigEndian, unicode.UseBOM, phone), "Смартфон", ""},
		"UTF-16LE by the header, without a mark":         {"text/html; charset=utf-16le", utf16(unicode.LittleEndian, unicode.IgnoreBOM, phone), "Смартфон", ""},
		"meta says UTF-16 in a page that is not":         {"text/html", "<meta charset=utf-16>" + phone, "Смартфон", ""},
		"the XML declaration names it":                   {"application/xhtml+xml", cp1251(`<?xml version="1.0" encoding="windows-1251"?><html>` + phone), "Смартфон", ""},
		"two headers that a proxy has joined":            {"text/html, text/html; charset=windows-1251", cp1251(phone), "Смартфон", ""},
		"nothing names it, and it is UTF-8":              {"text/html", phone, "Смартфон", ""},
		"UTF-8 that shows after 4,000 bytes only":        {"text/html", far + phone, "Смартфон", ""},
		"no type at all, and it is UTF-8":                {"", phone, "Смартфон", ""},
		"nothing names it, and it is not UTF-8":          {"text/html", "<li>caf\xe9 10\x80</li>", "café 10€", ""},
		"iso-8859-1 means windows-1252":                  {"text/html; charset=iso-8859-1", "<li>10\x80</li>", "10€", ""},
		"Shift_JIS":                                      {"text/html", "<meta charset=shift_jis>" + named("shift_jis", "<li>スマホ</li>"), "スマホ", ""},
		"EUC-KR":                                         {"text/html; charset=euc-kr", named("euc-kr", "<li>전화</li>"), "전화", ""},
		"GB2312 means GBK":                               {"text/html; charset=gb2312", named("gbk", "<li>手機</li>"), "手機", ""},
		"Big5":                                           {"text/html; charset=big5", named("big5", "<li>手機</li>"), "手機", ""},
		"UTF-8 by name, with bytes that are not":         {"text/html; charset=utf-8", "<li>caf\xe9, \xff</li>", "caf\uFFFD, \uFFFD", "2 characters could not be decoded as utf-8"},
		"Shift_JIS by name, with a byte that is not":     {"text/html; charset=shift_jis", "<li>a\x80\xffb</li>", "", "could not be decoded as shift_jis"},
		"a U+FFFD that the page itself contains":         {"text/html; charset=utf-8", "<li>a\uFFFDb</li>", "a\uFFFDb", ""},
		"an encoding that browsers refuse to decode":     {"text/html; charset=iso-2022-kr", phone, "", "could not be decoded as replacement"},
		"one character that cannot be decoded is \"1 \"": {"text/html; charset=utf-8", "<li>caf\xe9</li>", "caf\uFFFD", "1 character could not"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := crawlSite(t, routes{"/": body(tt.page, "Content-Type", tt.header)}, nil)
			if tt.want != "" && fmt.Sprint(got.texts()) != "["+tt.want+"]" {
				t.Errorf("%q, want %q (%+v)", got.texts(), tt.want, got)
			}
			if tt.note == "" && strings.Contains(got.note, "decoded") || !strings.Contains(got.note, tt.note) {
				t.Errorf("note %q, want %q", got.note, tt.note)
			}
		})
	}
}

// Browsers write a query in the encoding of its page, and a path in UTF-8.
func TestAQueryIsWrittenInTheEncodingOfItsPage(t *testing.T) {
	for label, want := range map[string]string{
		"windows-1251": "/%D1%8F?q=%FF%26%238371%3B&x=1#%D1%8F", // ₳ is not in it
		"shift_jis":    "/%D1%8F?q=%84%91%26%238371%3B&x=1#%D1%8F",
		"utf-8":        "/%D1%8F?q=%D1%8F%E2%82%B3&x=1#%D1%8F",
		"utf-16le":     "/%D1%8F?q=%D1%8F%E2%82%B3&x=1#%D1%8F",
	} {
		t.Run(label, func(t *testing.T) {
			page := "<li><a href='/&#1103;?q=&#1103;&#8371;&amp;x=1#&#1103;'>x</a></li>"
			if label == "utf-16le" {
				page = encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), page)
			}
			var site string
			got := crawlSite(t, routes{"/": body(page, "Content-Type", "text/html; charset="+label)}, func(h *HTML, base string) {
				h.Fields, site = map[string]string{"t": "a@href"}, base
			})
			if fmt.Sprint(got.texts()) != "["+site+want+"]" {
				t.Errorf("%s, want %s", got.texts(), want)
			}
		})
	}
}
