package i18n

import (
	"reflect"
	"slices"
	"testing"
	"unicode"
)

// text is one leaf of a catalogue: a string, a function or a word of a map.
type text struct {
	value string
	call  reflect.Value
}

// leaves flattens a catalogue by the paths of its fields.
func leaves(v reflect.Value, path string, out map[string]text) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), path+"."+v.Type().Field(i).Name, out)
		}
	case reflect.Map:
		out[path] = text{value: "a map"}
		for _, key := range v.MapKeys() {
			leaves(v.MapIndex(key), path+"["+key.String()+"]", out)
		}
	case reflect.Func:
		out[path] = text{call: v}
	default:
		out[path] = text{value: v.String()}
	}
}

func textsOf(l Language) map[string]text {
	out := map[string]text{}
	leaves(reflect.ValueOf(For(l)).Elem(), "", out)
	for name, page := range pages {
		if texts := reflect.ValueOf(page(l)); !texts.IsNil() {
			leaves(texts.Elem(), "."+name, out)
		}
	}
	return out
}

// say calls a text that takes arguments with small ones.
func say(t text) string {
	if !t.call.IsValid() {
		return t.value
	}
	var arguments []reflect.Value
	for i := range t.call.Type().NumIn() {
		argument := reflect.New(t.call.Type().In(i)).Elem()
		switch {
		case argument.CanInt():
			argument.SetInt(int64(7 + i))
		case argument.Kind() == reflect.String:
			argument.SetString([]string{"CANCEL_ORDER", "web-0001"}[min(i, 1)])
		}
		arguments = append(arguments, argument)
	}
	return t.call.Call(arguments)[0].String()
}

func TestEveryTextIsThere(t *testing.T) {
	for _, l := range Languages() {
		for path, text := range textsOf(l) {
			if text.call.IsValid() && text.call.IsNil() {
				t.Errorf("%s%s is nil", l, path)
				continue
			}
			if say(text) == "" {
				t.Errorf("%s%s is empty", l, path)
			}
		}
	}
}

func TestLanguagesHaveTheSameTexts(t *testing.T) {
	english := textsOf(EnUS)
	for _, l := range Languages() {
		texts := textsOf(l)
		for path := range english {
			if _, ok := texts[path]; !ok {
				t.Errorf("%s lacks %s", l, path)
			}
		}
		for path := range texts {
			if _, ok := english[path]; !ok {
				t.Errorf("en-us lacks %s of %s", path, l)
			}
		}
	}
}

func TestChineseIsChinese(t *testing.T) {
	// Names, arguments and punctuation alone have nothing to translate.
	same := []string{".Tickets.Key", ".Ticket.Key", ".Common.Colon", ".Common.Stop", ".Course.Comma"}
	english := textsOf(EnUS)
	for path, text := range textsOf(ZhCN) {
		if slices.Contains(same, path) || text.value == "a map" {
			continue
		}
		said := say(text)
		if !slices.ContainsFunc([]rune(said), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("zh-cn%s has no Chinese: %q", path, said)
		}
		if said == say(english[path]) {
			t.Errorf("zh-cn%s is the English text %q", path, said)
		}
	}
}

func TestWordsOfAnUnknownValue(t *testing.T) {
	if got := For(ZhCN).Word.TicketStatus.Of("HIBERNATING"); got != "HIBERNATING" {
		t.Errorf("an unknown value became %q", got)
	}
}

func TestMatch(t *testing.T) {
	for header, want := range map[string]Language{
		"": EnUS, "zh-CN,zh;q=0.9,en;q=0.8": ZhCN, "zh": ZhCN, "zh-Hans-SG": ZhCN, "de-DE": EnUS, "en-GB": EnUS,
		"de, zh-CN;q=0.5": ZhCN, ";;;": EnUS,
	} {
		if got := Match(header); got != want {
			t.Errorf("Match(%q) = %s, want %s", header, got, want)
		}
	}
}

func TestZone(t *testing.T) {
	for name, want := range map[string]bool{"Asia/Shanghai": true, "UTC": true, "": false, "Local": false,
		"../etc/passwd": false, "Nowhere/Land": false} {
		if _, ok := Zone(name); ok != want {
			t.Errorf("Zone(%q) found %v", name, ok)
		}
	}
}

func TestPageInAFurtherLanguage(t *testing.T) {
	p := &Page[SessionsTexts]{texts: map[Language]*SessionsTexts{EnUS: {Heading: "Sessions"}}}
	if got := p.In("de-de").Heading; got != "Sessions" {
		t.Errorf("without texts of its own: %q", got)
	}
	p.add("de-de", &SessionsTexts{Heading: "Sitzungen"})
	if got := p.In("de-de").Heading; got != "Sitzungen" {
		t.Errorf("with its own: %q", got)
	}
}
