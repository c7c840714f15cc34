package simulator

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lineError says in which line of a text something is wrong.
type lineError struct {
	line int
	why  string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.why) }

// strict reads JSON into a value whose types name every key that may occur.
// Unknown and repeated keys, nulls, wrong types and text behind the value are
// errors that name their line. Times are texts: "1m30s", "2026-03-02T09:00:00Z".
// Lines that begin with // are comments.
type strict struct {
	text []byte
	dec  *json.Decoder
}

func decodeStrict(text []byte, to any) error {
	text = withoutComments(text)
	s := strict{text, json.NewDecoder(bytes.NewReader(text))}
	s.dec.UseNumber()
	if err := s.read(reflect.ValueOf(to).Elem()); err != nil {
		return err
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		return s.wrong("there is more behind the end")
	}
	return nil
}

// withoutComments keeps every line where it is.
func withoutComments(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("//")) {
			line = []byte("\n")
		}
		out = append(out, line...)
	}
	return out
}

func (s *strict) wrong(format string, args ...any) error {
	read := s.text[:min(int(s.dec.InputOffset()), len(s.text))]
	return &lineError{1 + bytes.Count(read, []byte("\n")), fmt.Sprintf(format, args...)}
}

func (s *strict) token() (json.Token, error) {
	t, err := s.dec.Token()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Error() != "unexpected end of JSON input": // Go 1.27 tells the end so, too
		return nil, s.wrong("this is not JSON: %v", err)
	case err != nil:
		return nil, s.wrong("it ends in the middle")
	case t == nil:
		return nil, s.wrong("null means nothing here; leave the key out")
	}
	return t, nil
}

func (s *strict) read(v reflect.Value) error {
	t, err := s.token()
	if err != nil {
		return err
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	text, quoted := t.(string)
	if named, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		return s.readNamed(named, text, quoted)
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if !quoted || err != nil {
			return s.wrong("%v is not a time such as \"1m30s\"", t)
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.Struct:
		return s.readObject(v, t)
	case reflect.Slice:
		return s.readList(v, t)
	default:
		return s.readScalar(v, t)
	}
}

func (s *strict) readNamed(to encoding.TextUnmarshaler, text string, quoted bool) error {
	if !quoted {
		return s.wrong("a text is wanted here")
	}
	if err := to.UnmarshalText([]byte(text)); err != nil {
		return s.wrong("%v", err)
	}
	return nil
}

func (s *strict) readObject(v reflect.Value, t json.Token) error {
	if t != json.Delim('{') {
		return s.wrong("an object is wanted here")
	}
	fields := map[string]reflect.Value{}
	fieldsOf(v, fields)
	seen := map[string]bool{}
	for s.dec.More() {
		t, err := s.token()
		if err != nil {
			return err
		}
		key := fmt.Sprint(t)
		field, ok := fields[key]
		switch {
		case !ok:
			return s.wrong("there is no key %q here, but %s", key, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		case seen[key]:
			return s.wrong("%q is there twice", key)
		}
		seen[key] = true
		if err := s.read(field); err != nil {
			return err
		}
	}
	_, err := s.token()
	return err
}

// fieldsOf finds the fields of a struct by the names in their tags.
func fieldsOf(v reflect.Value, to map[string]reflect.Value) {
	for field, value := range v.Fields() {
		name := field.Tag.Get("json")
		switch {
		case field.Anonymous:
			fieldsOf(value, to)
		case name != "" && name != "-":
			to[name] = value
		}
	}
}

func (s *strict) readList(v reflect.Value, t json.Token) error {
	if t != json.Delim('[') {
		return s.wrong("a list is wanted here")
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for s.dec.More() {
		item := reflect.New(v.Type().Elem()).Elem()
		if err := s.read(item); err != nil {
			return err
		}
		v.Set(reflect.Append(v, item))
	}
	_, err := s.token()
	return err
}

func (s *strict) readScalar(v reflect.Value, t json.Token) error {
	number, isNumber := t.(json.Number)
	var err error
	switch is := t.(type) {
	case string:
		if v.Kind() == reflect.String {
			v.SetString(is)
			return nil
		}
	case bool:
		if v.Kind() == reflect.Bool {
			v.SetBool(is)
			return nil
		}
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int64:
		var n int64
		n, err = strconv.ParseInt(number.String(), 10, 64)
		v.SetInt(n)
	case reflect.Uint64:
		var n uint64
		n, err = strconv.ParseUint(number.String(), 10, 64)
		v.SetUint(n)
	case reflect.Float64:
		var n float64
		n, err = number.Float64()
		v.SetFloat(n)
	default:
		return s.wrong("a %s is wanted here", v.Kind())
	}
	if err != nil || !isNumber {
		return s.wrong("%v is not a number that fits here", t)
	}
	return nil
}
