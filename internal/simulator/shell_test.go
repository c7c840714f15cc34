package simulator

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"coc-console/internal/simulator/api"
)

// runs creates a script, executes it on one server and returns its ticket.
func (w *world) runs(token, content, params, timeout string) string {
	w.t.Helper()
	body := `{"name":"run_` + api.HexID(content)[:8] + `","type":"SHELL","description":"x","content":"` + content + `","script_params":[` + params + `],
		"properties":{"risk_level":"LOW","version":"1.0.0"}}`
	id := sent[string](w, token, "POST", customs, body)
	return sent[string](w, token, "POST", customs+"/"+id, strings.Replace(execution(w, 1), `"timeout":300`, `"timeout":`+timeout, 1))
}

// TestTerraformScript is the script of the vendor's own acceptance test: it
// sleeps for two minutes, and is cancelled.
func TestTerraformScript(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{ScheduleDelay: -1, EffectDelay: -1}})
	token := w.signIn("operator")
	id := w.runs(token, `sleep 2m`, "", "1799")
	w.clock.step(100 * time.Second)
	if status, _ := w.status(token, id); status != processing {
		t.Errorf("after 100 s it is %s", status)
	}
	if r := w.coc(token, http.MethodPut, orders+"/"+id+"/operation", `{"operation_type":"CANCEL_ORDER","batch_index":1,"instance_id":1}`); r.status != 200 {
		t.Errorf("cancelling it gives %d %s", r.status, r.body)
	}
	if status, _ := w.status(token, id); status != canceled {
		t.Errorf("it is %s", status)
	}
	again := w.runs(token, `sleep 1m 30s\nsleep ${half}m`, `{"param_name":"half","param_value":"0.5","param_description":"x"}`, "1799")
	w.clock.step(119 * time.Second)
	if status, _ := w.status(token, again); status != processing {
		t.Errorf("before two minutes are over it is %s", status)
	}
	w.clock.step(10 * time.Second)
	if status, _ := w.status(token, again); status != finished {
		t.Errorf("after them it is %s", status)
	}
}

// TestTimeOutKeepsOutput: what a script printed before it was timed out, and
// nothing that it would have printed later, is in its log.
func TestTimeOutKeepsOutput(t *testing.T) {
	w := newWorld(t, Config{Rules: Rules{ScheduleDelay: -1}})
	token := w.signIn("operator")
	id := w.runs(token, `echo one; echo two\nsleep 2m && echo three`, "", "60")
	w.clock.step(30 * time.Second)
	if row := w.rows(token, id, 1)[0]; row.Status != processing || row.Message == nil || *row.Message != "one\ntwo" {
		t.Errorf("while it sleeps: %+v", row)
	}
	w.clock.step(time.Minute)
	if row := w.rows(token, id, 1)[0]; row.Status != abnormal || row.Message == nil || *row.Message != "one\ntwo\n\n"+timeoutLine {
		t.Errorf("timed out: %+v", row)
	}
}
