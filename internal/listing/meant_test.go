package listing

import (
	"testing"

	"coc-console/internal/i18n"
)

// TestMeant: a field or a state with a slip is known again, in the reader's language and in English.
func TestMeant(t *testing.T) {
	states := map[string]string{"PAUSED": "PAUSED", "Paused": "PAUSED", "Needs attention": "attention", "已暂停": "PAUSED", "执行中": "PROCESSING"}
	for term, want := range map[string]string{
		"state:pausde": "state:paused", "state:needs atention": `state:"needs attention"`, "状态:执形中": "状态:执行中", "状态：已暂停了": "状态:已暂停",
		"craetor:ann": "creator:ann", "创建者:ann": "创建人:ann", "sate:paused": "state:paused",
		"colour:red": "", "state:dancing": "", "state:": "", "before:soon": "", "word": "", "crreator:": "",
	} {
		if got := Meant(i18n.For(i18n.ZhCN), term, states); got != want {
			t.Errorf("%s: %q, want %q", term, got, want)
		}
	}
}
