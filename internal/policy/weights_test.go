package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"coc-console/internal/policy"
)

func weighing(t *testing.T, annotation string) (policy.Weights, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rules.cedar")
	text := `@id("all") ` + annotation + " permit (principal, action, resource);"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Load(policy.Files{Policy: name})
	if err != nil {
		return policy.Weights{}, err
	}
	return rules.Weights(), nil
}

// TestWeights: what a file says of the risk of operations, and what it leaves out.
func TestWeights(t *testing.T) {
	changed := policy.DefaultWeights()
	changed.Override, changed.Night, changed.NightFrom, changed.ImpactFrom = 70, 0, 22*60+30, 5
	for name, c := range map[string]struct {
		annotation string
		want       policy.Weights
	}{
		"none":    {"", policy.DefaultWeights()},
		"one":     {`@review("least=20")`, policy.DefaultWeights()},
		"several": {`@review("override=70, night=0 night-from=22:30,impact-from=5")`, changed},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := weighing(t, c.annotation)
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%v, want → got:\n%s", err, diff)
			}
		})
	}
}

// TestWrongWeights: a file that says them wrong is not loaded, and its error says what is.
func TestWrongWeights(t *testing.T) {
	for name, c := range map[string]struct{ annotation, want string }{
		"empty":    {`@review("")`, "is empty"},
		"name":     {`@review("overide=5")`, `"overide" is none of`},
		"number":   {`@review("night=many")`, `"night=many" is no whole number`},
		"negative": {`@review("night=-1")`, `"night=-1" is no whole number`},
		"large":    {`@review("night=1000001")`, "is no whole number from 0 to"},
		"hour":     {`@review("night-to=8")`, `"night-to=8" is no time`},
		"twice":    {`@review("night=1 night=2")`, "has night twice"},
		"all":      {`@review("least=0")`, "least is at least 1"},
		"second":   {`@review("night=1") permit (principal, action, resource); @id("b") @review("night=1")`, "a second @review"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := weighing(t, c.annotation); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one with %q", err, c.want)
			}
		})
	}
}

func TestNight(t *testing.T) {
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, time.UTC) }
	over, within := policy.DefaultWeights(), policy.DefaultWeights()
	within.NightFrom, within.NightTo = 0, 6*60
	got := []bool{over.AtNight(at(19, 59)), over.AtNight(at(20, 0)), over.AtNight(at(7, 59)), over.AtNight(at(8, 0)),
		within.AtNight(at(0, 0)), within.AtNight(at(6, 0))}
	if diff := cmp.Diff([]bool{false, true, true, false, true, false}, got); diff != "" {
		t.Errorf("want → got:\n%s", diff)
	}
}
