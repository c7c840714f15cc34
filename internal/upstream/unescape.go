package upstream

import (
	"bytes"
	"html"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape undoes the escapes of JSON, addresses and HTML in a text, once. at,
// unless nil, tells for each byte and the end where it stood in another text.
func unescape(text []byte, at []int32) (plain []byte, from []int32, changed bool) {
	next := bytes.IndexAny(text, `%\&`)
	if next < 0 {
		return text, at, false
	}
	plain = make([]byte, 0, len(text))
	if at != nil {
		from = make([]int32, 0, len(at))
	}
	for i := 0; i < len(text); {
		if next < 0 {
			next = len(text) - i
		}
		plain = append(plain, text[i:i+next]...)
		if at != nil {
			from = append(from, at[i:i+next]...)
		}
		if i += next; i == len(text) {
			break
		}
		decoded, length := escape(text[i:])
		if length == 0 {
			decoded, length = text[i:i+1], 1
		} else {
			changed = true
		}
		plain = append(plain, decoded...)
		for range decoded {
			if at != nil {
				from = append(from, at[i])
			}
		}
		i += length
		next = bytes.IndexAny(text[i:], `%\&`)
	}
	if at != nil {
		from = append(from, at[len(text)])
	}
	return plain, from, changed
}

// escape reads the escape at the start of a text; a length of 0 means none.
func escape(text []byte) (decoded []byte, length int) {
	switch text[0] {
	case '%':
		return hexByte(text, 1)
	case '&':
		return entity(text)
	}
	if len(text) < 2 {
		return nil, 0
	}
	switch c := text[1]; c {
	case 'u':
		return unicodeEscape(text)
	case 'x':
		return hexByte(text, 2)
	case '/', '"', '\\', '\'':
		return []byte{c}, 2
	case 'n', 'r', 't', 'b', 'f':
		return []byte{map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f'}[c]}, 2
	}
	return nil, 0
}

func hexByte(text []byte, from int) ([]byte, int) {
	if len(text) < from+2 {
		return nil, 0
	}
	n, err := strconv.ParseUint(string(text[from:from+2]), 16, 8)
	if err != nil {
		return nil, 0
	}
	return []byte{byte(n)}, from + 2
}

func unicodeEscape(text []byte) ([]byte, int) {
	unit := func(b []byte) (rune, bool) {
		if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
		return rune(n), err == nil
	}
	r, ok := unit(text)
	if !ok {
		return nil, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := unit(text[6:]); ok {
			return utf8.AppendRune(nil, utf16.DecodeRune(r, low)), 12
		}
	}
	return utf8.AppendRune(nil, r), 6
}

func entity(text []byte) ([]byte, int) {
	const longest = 12
	end := bytes.IndexByte(text[:min(len(text), longest)], ';')
	if end < 0 {
		return nil, 0
	}
	name := string(text[:end+1])
	decoded := html.UnescapeString(name)
	if decoded == name {
		return nil, 0
	}
	return []byte(decoded), end + 1
}
