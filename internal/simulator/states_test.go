package simulator

import (
	"net/http"
	"strings"
	"testing"

	"coc-console/internal/simulator/api"
)

// TestEuropeanStates: a failed ticket is called ERROR, and waits for a decision
// as an ABNORMAL one does.
func TestEuropeanStates(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{ErrorForAbnormal: true, EffectDelay: -1}})
	token, id := w.signIn("operator"), w.UUID("abnormal")
	if status, _ := w.status(token, id); status != inError {
		t.Errorf("the ticket is %s", status)
	}
	w.coc(token, http.MethodGet, orders+"?status=ABNORMAL", "").is(t, 400, api.CodeInvalid, "")
	var page listBody
	w.get(token, orders+"?limit=100&status=ERROR", &page)
	if len(page.Data) == 0 || page.Data[0].Status != inError {
		t.Errorf("the list has %+v", page)
	}
	for _, r := range page.Data {
		if r.Finished != nil {
			t.Errorf("%s has an end", r.UUID)
		}
	}
	w.get(token, orders+"?limit=100&status=READY", &page)
	w.get(token, orders+"?limit=100&status=ROLLBACKED", &page)
	w.operate(token, "abnormal", `{"operation_type":"PAUSE_ORDER"}`).is(t, 400, api.CodeState, "while the order is ERROR")
	if r := w.operate(token, "abnormal", `{"operation_type":"CONTINUE_ORDER"}`); r.status != http.StatusOK {
		t.Errorf("continuing gives %d %s", r.status, r.body)
	}
	if status, _ := w.status(token, id); status == inError {
		t.Error("it does not go on")
	}
}

// TestRollBack: what fails is rolled back, and its ticket is over.
func TestRollBack(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{RollBack: true}})
	token, id := w.signIn("operator"), w.UUID("abnormal")
	var info infoBody
	w.get(token, orders+"/"+id, &info)
	if info.Status != rolledBack || info.Finished == nil {
		t.Errorf("the ticket is %+v", info)
	}
	var counts statisticsBody
	w.get(token, orders+"/"+id+"/statistics", &counts)
	has := map[string]int{}
	for _, c := range counts.Counts {
		has[c.Status] = c.Count
	}
	if has[rolledBack] == 0 || has[canceled] == 0 || has[abnormal]+has[ready]+has[processing] != 0 {
		t.Errorf("the instances are %v", has)
	}
	found := false
	for _, r := range w.rows(token, id, info.Properties.CurrentBatch) {
		found = found || r.Status == rolledBack && r.Message != nil && strings.Contains(*r.Message, "exit status")
	}
	if !found {
		t.Error("no row that is rolled back has its log")
	}
	w.operate(token, "abnormal", `{"operation_type":"CONTINUE_ORDER"}`).is(t, 400, api.CodeState, "while the order is ROLLBACKED")
	var page listBody
	w.get(token, orders+"?limit=100&status=ROLLBACKED", &page)
	if len(page.Data) == 0 {
		t.Error("the list does not have it")
	}
}
