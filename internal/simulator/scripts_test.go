package simulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coc-console/internal/simulator/api"
	"coc-console/internal/simulator/scripts"
)

const (
	customs = "/v1/job/scripts"
	publics = "/v1/job/public-scripts"
)

// sent is the data of a call that must succeed.
func sent[T any](w *world, token, method, path, body string) T {
	w.t.Helper()
	r := w.coc(token, method, path, body)
	var out struct {
		Data T `json:"data"`
	}
	if r.status != http.StatusOK || json.Unmarshal([]byte(r.body), &out) != nil {
		w.t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
	return out.Data
}

// newScript is a body that creates a script; change replaces parts of it.
func newScript(change ...string) string {
	return strings.NewReplacer(change...).Replace(`{"name":"disk_report","description":"Reports disks","type":"SHELL",` +
		`"content":"echo start\nsleep 2\necho ${who}","enterprise_project_id":"7",` +
		`"script_params":[{"param_name":"who","param_value":"ops","param_description":"whom","sensitive":false},` +
		`{"param_name":"key","param_value":"k1","param_description":"a secret","sensitive":true}],` +
		`"properties":{"risk_level":"HIGH","version":"1.2.0","reviewers":[{"reviewer_name":"manager","reviewer_id":"1"}],"protocol":"EMAIL"}}`)
}

func TestCreateAndShowScript(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	id := sent[string](w, token, "POST", customs, newScript())
	if !regexp.MustCompile(`^SC[0-9]{14}[0-9a-f]{9}$`).MatchString(id) {
		t.Fatalf("the uuid is %q", id)
	}
	var got map[string]any
	w.get(token, customs+"/"+id, &got)
	want := map[string]any{"script_uuid": id, "name": "disk_report", "description": "Reports disks", "type": "SHELL", "version": "1.2.0",
		"content": "echo start\nsleep 2\necho ${who}", "status": "PENDING_APPROVE", "creator": "operator", "operator": nil, "gmt_modified": nil,
		"creator_id": w.accounts[0].userID("operator"), "enterprise_project_id": "7", "gmt_created": float64(w.clock.now().UnixMilli()),
		"resource_tags": []any{}, "usage_count": 0.,
		"script_params": []any{
			map[string]any{"param_name": "who", "param_value": "ops", "param_description": "whom", "param_order": 1., "sensitive": false},
			map[string]any{"param_name": "key", "param_value": scripts.Mask, "param_description": "a secret", "param_order": 2., "sensitive": true}},
		"properties": map[string]any{"risk_level": "HIGH", "version": "1.2.0", "protocol": "EMAIL",
			"reviewers": []any{map[string]any{"reviewer_name": "manager", "reviewer_id": "1"}}}}
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

func TestScriptLimits(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct{ name, body, code, says string }{
		{"no JSON", `[]`, api.CodeInvalid, ""},
		{"no name", newScript(`"disk_report"`, `""`), api.CodeEmpty, "name must not be empty"},
		{"a name with a dot", newScript("disk_report", "disk.report"), api.CodeInvalid, ""},
		{"a short name", newScript("disk_report", "ab"), api.CodeInvalid, ""},
		{"a long name", newScript("disk_report", long(65)), api.CodeInvalid, ""},
		{"a taken name", newScript("disk_report", "nginx_reload"), "COC.00040601", "Exist script with same name: nginx_reload"},
		{"no description", newScript("Reports disks", ""), api.CodeEmpty, "description must not be empty"},
		{"a long description", newScript("Reports disks", long(257)), api.CodeInvalid, ""},
		{"another type", newScript("SHELL", "RUBY"), api.CodeInvalid, ""},
		{"no content", newScript(`"echo start\nsleep 2\necho ${who}"`, `""`), api.CodeEmpty, "content must not be empty"},
		{"long content", newScript("echo start", long(4097)), api.CodeInvalid, ""},
		{"no version", newScript("1.2.0", ""), api.CodeEmpty, "version must not be empty"},
		{"no properties", newScript(`"properties"`, `"x"`), api.CodeEmpty, "version must not be empty"},
		{"no risk", newScript(`"risk_level":"HIGH",`, ``), api.CodeEmpty, "risk_level must not be empty"},
		{"another risk", newScript("HIGH", "EXTREME"), api.CodeInvalid, ""},
		{"another protocol", newScript("EMAIL", "PIGEON"), api.CodeInvalid, ""},
		{"six reviewers", newScript(`{"reviewer_name":"manager","reviewer_id":"1"}`,
			strings.TrimSuffix(strings.Repeat(`{"reviewer_name":"a","reviewer_id":"1"},`, 6), ",")), api.CodeInvalid, ""},
		{"the same parameter twice", newScript(`"key"`, `"who"`), api.CodeInvalid, ""},
		{"a wrong value", newScript(`"ops"`, `"a;b"`), api.CodeInvalid, ""},
		{"a long value", newScript(`"ops"`, `"`+long(4097)+`"`), api.CodeInvalid, ""},
		{"an object as enterprise project", newScript(`"7"`, `{"a":1}`), api.CodeInvalid, ""},
		{"a Chinese name", newScript("disk_report", "磁盘报告_1"), "", ""},
		{"a name with hyphens", newScript("disk_report", "disk-report-"), "", ""},
		{"a number as enterprise project", newScript("disk_report", "with_number", `"7"`, `0`), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status := http.StatusBadRequest
			if tt.code == "" {
				status = http.StatusOK
			}
			w.coc(token, "POST", customs, tt.body).is(t, status, tt.code, tt.says)
		})
	}
}

func TestUpdateAndDeleteScript(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	id := sent[string](w, token, "POST", customs, newScript())
	w.step(time.Minute)
	if got := sent[string](w, token, "PUT", customs+"/"+id, newScript("Reports disks", "Better", `{"reviewer_name":"manager","reviewer_id":"1"}`, "")); got != id {
		t.Errorf("an update answers %q", got)
	}
	var b scripts.Detail
	w.get(token, customs+"/"+id, &b)
	if b.Description != "Better" || b.Status != "APPROVED" || b.Modified == nil || *b.Modified != w.clock.now().UnixMilli() || b.Operator == nil {
		t.Errorf("after the update: %+v", b)
	}
	w.coc(token, "PUT", customs+"/"+id, newScript("1.2.0", "")).is(t, 400, api.CodeEmpty, "version must not be empty")
	sent[string](w, token, "PUT", customs+"/"+id, `{"description":"Best","content":"exit 0"}`)
	var kept scripts.Detail
	w.get(token, customs+"/"+id, &kept)
	if kept.Description != "Best" || kept.Content != "exit 0" || kept.Version != "1.2.0" || kept.Properties.Risk != "HIGH" || len(kept.Params) != 2 {
		t.Errorf("after an update of two fields: %+v", kept)
	}
	sent[string](w, token, "PUT", customs+"/"+id, `{"description":"Best","content":"exit 0","script_params":[]}`)
	if w.get(token, customs+"/"+id, &kept); len(kept.Params) != 0 {
		t.Errorf("after removing the parameters: %+v", kept.Params)
	}
	if got := sent[string](w, token, "DELETE", customs+"/"+id, ""); got != id {
		t.Errorf("a deletion answers %q", got)
	}
	for _, method := range []string{"GET", "PUT", "DELETE", "POST"} {
		w.coc(token, method, customs+"/"+id, newScript()).is(t, 400, "COC.00040603", "")
	}
	w.coc(token, "GET", customs+"/nonsense", "").is(t, 400, "COC.00040601", "")
}

func TestApproveScript(t *testing.T) {
	w := newWorld(t, Config{})
	operator, manager := w.signIn("operator"), w.signIn("manager")
	id := sent[string](w, operator, "POST", customs, newScript())
	at := customs + "/" + id + "/action"
	w.coc(manager, "POST", at, `{}`).is(t, 400, api.CodeEmpty, "status must not be empty")
	w.coc(manager, "POST", at, `{"status":"MAYBE"}`).is(t, 400, api.CodeInvalid, "")
	w.coc(manager, "POST", at, `{"status":"APPROVED","comments":"`+strings.Repeat("x", 257)+`"}`).is(t, 400, api.CodeInvalid, "")
	w.coc(operator, "POST", at, `{"status":"APPROVED"}`).is(t, 400, api.CodeState, "Only a reviewer")
	w.coc(operator, "POST", customs+"/"+id, execution(w, 1)).is(t, 400, api.CodeState, "not approved")
	if !sent[bool](w, manager, "POST", at, `{"status":"APPROVED","comments":"fine"}`) {
		t.Error("the approval answers false")
	}
	w.coc(manager, "POST", at, `{"status":"REJECTED"}`).is(t, 400, api.CodeState, "not waiting")
	sent[string](w, operator, "POST", customs+"/"+id, execution(w, 1))
}

func TestListScripts(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	for i := range 5 {
		sent[string](w, token, "POST", customs, newScript("disk_report", fmt.Sprintf("extra_%d", i)))
	}
	count := len(scripts.Demo) + 5
	for path, want := range map[string]int{
		customs: count, customs + "?name_like=extra": 5, customs + "?type=SHELL": count, customs + "?type=BAT": 0,
		customs + "?risk_level=HIGH": 5, customs + "?creator=operator": count, customs + "?creator=nobody": 0,
		customs + "?enterprise_project_id=7": 5, publics: 5, publics + "?name_like=ecs": 2, publics + "?name_like=clear": 0,
		publics + "?name=windows_disk_report": 1, publics + "?type=PYTHON": 1, publics + "?risk_level=LOW": 2,
	} {
		t.Run(path, func(t *testing.T) {
			address, _, _ := strings.Cut(path, "?")
			rest := strings.TrimPrefix(strings.TrimPrefix(path, address), "?")
			var names []string
			for marker, more := int64(0), true; more; {
				p := sent[scripts.Page[struct {
					ID   int64  `json:"id"`
					Name string `json:"name"`
				}]](w, token, "GET", fmt.Sprintf("%s?limit=3&marker=%d&%s", address, marker, rest), "")
				if int(p.Total) != want {
					t.Fatalf("the total is %d, want %d", p.Total, want)
				}
				more = len(p.Data) > 0
				for _, row := range p.Data {
					if marker != 0 && (row.ID >= marker) == (address == customs) {
						t.Errorf("%d comes after %d", row.ID, marker)
					}
					names, marker = append(names, row.Name), row.ID
				}
			}
			if slices.Sort(names); len(slices.Compact(names)) != want {
				t.Errorf("the pages hold %v", names)
			}
		})
	}
	w.coc(token, "GET", customs, "").is(t, 400, api.CodeEmpty, "limit must not be empty")
	if p := sent[scripts.Page[scripts.PublicRow]](w, token, "GET", publics, ""); len(p.Data) != 5 {
		t.Errorf("without a limit there are %d public scripts", len(p.Data))
	}
	for _, path := range []string{customs, publics} {
		for _, query := range []string{"limit=0", "limit=101", "limit=1&marker=-1", "limit=1&type=RUBY", "limit=1&risk_level=x", "limit=1&name_like=" + strings.Repeat("x", 33)} {
			w.coc(token, "GET", path+"?"+query, "").is(t, 400, api.CodeInvalid, "")
		}
	}
}

func TestPublicScripts(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	p := sent[scripts.Page[scripts.PublicRow]](w, token, "GET", publics+"?limit=1&name_like=ecs_clear", "")
	row := p.Data[0]
	if row.Name != "ecs_clear_temp_files" || row.Description != "Deletes temporary files older than the given number of days" || *row.ID != 101 || *row.Status != "APPROVED" ||
		row.Properties.Risk != "MEDIUM" || row.Created == 0 || row.Kind != "SHELL" {
		t.Errorf("the row is %+v", row)
	}
	r := w.send("GET", publics+"/"+row.UUID, "", map[string]string{"X-Auth-Token": token, "X-Language": "zh-cn"})
	for _, want := range []string{"删除早于指定天数的临时文件", `"param_name":"days"`, `"content":"find /tmp`} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the detail lacks %s: %s", want, r.body)
		}
	}
	id := sent[string](w, token, "POST", publics+"/"+row.UUID, execution(w, 2))
	var info infoBody
	w.get(token, orders+"/"+id, &info)
	if info.Properties.Source != "PUBLIC_SCRIPT" || info.Properties.ScriptUUID != row.UUID {
		t.Errorf("the ticket says %+v", info.Properties)
	}
	w.coc(token, "PUT", publics+"/"+row.UUID, "{}").is(t, 405, "APIGW.0201", "")
	custom := scripts.UUID(scripts.Demo[0].Name)
	w.coc(token, "GET", publics+"/"+custom, "").is(t, 400, "COC.00040604", "")
	w.coc(token, "POST", publics+"/"+custom, execution(w, 1)).is(t, 400, "COC.00040604", "")
	w.coc(token, "GET", publics+"/nonsense", "").is(t, 400, "COC.00040601", "")
	w.coc(token, "GET", customs+"/"+row.UUID, "").is(t, 400, "COC.00040603", "")
}

// execution is a body that executes a script on so many batches of one server.
func execution(w *world, batches int) string {
	var list []string
	for i := range batches {
		list = append(list, fmt.Sprintf(`{"batch_index":%d,"rotation_strategy":"CONTINUE","target_instances":[{"resource_id":%q,"region_id":%q}]}`,
			i+1, w.scripts.Servers()[i].ID(), w.scripts.Servers()[i].Region))
	}
	return `{"execute_param":{"timeout":300,"success_rate":99.5,"execute_user":"root","script_params":[{"param_name":"who","param_value":"all"}]},` +
		`"execute_batches":[` + strings.Join(list, ",") + `]}`
}

// TestFromScriptToFinished is the whole way of a script.
func TestFromScriptToFinished(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	script := sent[string](w, token, "POST", customs, newScript(`{"reviewer_name":"manager","reviewer_id":"1"}`, ""))
	id := sent[string](w, token, "POST", customs+"/"+script, execution(w, 3))
	if list := sent[listBody](w, token, "GET", orders+"?limit=1", ""); list.Data[0].UUID != id || list.Data[0].OrderName != "disk_report" {
		t.Fatalf("the newest ticket is %+v", list.Data[0])
	}
	if status, _ := w.status(token, id); status != ready {
		t.Errorf("at first it is %s", status)
	}
	for i := 0; ; i++ {
		w.step(time.Second)
		if status, _ := w.status(token, id); status == finished {
			break
		}
		if i > 60 {
			t.Fatal("it does not end")
		}
	}
	var info infoBody
	w.get(token, orders+"/"+id, &info)
	p := info.Properties
	if p.ScriptUUID != script || p.VersionName != "1.2.0" || p.Source != scripts.CustomScript || p.Param.Timeout != 300 || p.Param.SuccessRate != 99.5 {
		t.Errorf("the ticket says %+v", p)
	}
	if got := fmt.Sprint(p.Param.Params); got != fmt.Sprint([]scriptParam{{"who", "all", 1, nil}, {"key", scripts.Mask, 2, nil}}) {
		t.Errorf("the parameters are %s", got)
	}
	for batch := 1; batch <= 3; batch++ {
		row := w.rows(token, id, batch)[0]
		if row.Status != finished || row.Target.ResourceID != w.scripts.Servers()[batch-1].ID() || *row.Message != "start\nall" {
			t.Errorf("batch %d: %+v, %q", batch, row, *row.Message)
		}
	}
}

func TestExecutionFails(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	script := sent[string](w, token, "POST", customs, newScript(`{"reviewer_name":"manager","reviewer_id":"1"}`, "", `sleep 2`, `exit 3`))
	id := sent[string](w, token, "POST", customs+"/"+script, execution(w, 2))
	w.step(time.Minute)
	row := w.rows(token, id, 1)[0]
	if status, batch := w.status(token, id); status != abnormal || batch != 1 || *row.Message != "start\nexit status 3" {
		t.Errorf("it is %s at batch %d: %q", status, batch, *row.Message)
	}
}

// TestLongLogs: few bytes of a script print no more than 1 MB, and an execution
// on 200 servers holds no log until somebody reads it.
func TestLongLogs(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	script := sent[string](w, token, "POST", customs, newScript(`{"reviewer_name":"manager","reviewer_id":"1"}`, "",
		`echo start\nsleep 2\necho ${who}`, `echo `+strings.Repeat("${who}", 600)))
	id := sent[string](w, token, "POST", customs+"/"+script, strings.Replace(execution(w, 1), `"all"`, `"`+strings.Repeat("v", 4096)+`"`, 1))
	w.step(time.Minute)
	if row := w.rows(token, id, 1)[0]; row.Status != finished || len(*row.Message) != 1<<20 {
		t.Errorf("it is %s and printed %d bytes", row.Status, len(*row.Message))
	}
	for _, r := range w.byUUID[id].batches[0].rows {
		if r.plan.Log != "" {
			t.Error("the log is there before somebody reads it")
		}
	}
}

// TestOfflineServers: by default the script fails there; RefuseOffline finds
// no such server.
func TestOfflineServers(t *testing.T) {
	for refuse, code := range map[bool]string{false: "", true: "COC.00040702"} {
		t.Run(fmt.Sprint(refuse), func(t *testing.T) {
			w := newWorld(t, Config{Rules: Rules{RefuseOffline: refuse}})
			token := w.signIn("operator")
			i := slices.IndexFunc(w.scripts.Servers(), func(v scripts.Server) bool { return v.Offline })
			at, body := customs+"/"+scripts.UUID(scripts.Demo[0].Name), strings.Replace(execution(w, 1), w.scripts.Servers()[0].ID(), w.scripts.Servers()[i].ID(), 1)
			if refuse {
				w.coc(token, "POST", at, body).is(t, 400, code, "Target instance is not exist.")
				return
			}
			id := sent[string](w, token, "POST", at, body)
			w.step(time.Minute)
			if row := w.rows(token, id, 1)[0]; row.Status != abnormal || *row.Message != offlineLine {
				t.Errorf("the row is %+v", row)
			}
		})
	}
}

func TestExecutionLimits(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	at := customs + "/" + scripts.UUID(scripts.Demo[0].Name)
	good := execution(w, 1)
	target := fmt.Sprintf(`{"resource_id":%q,"region_id":%q}`, w.scripts.Servers()[0].ID(), w.scripts.Servers()[0].Region)
	with := func(change ...string) string { return strings.NewReplacer(change...).Replace(good) }
	repeated := func(n int) string { return strings.TrimSuffix(strings.Repeat(target+",", n), ",") }
	before := w.Size()
	for _, tt := range []struct{ name, body, code, says string }{
		{"no body", ``, api.CodeInvalid, ""},
		{"no parameters of execution", `{"execute_batches":[]}`, api.CodeEmpty, "execute_param must"},
		{"no timeout", with(`"timeout":300,`, ``), api.CodeEmpty, "timeout must"},
		{"timeout 5", with("300", "5"), api.CodeInvalid, ""},
		{"timeout 1800", with("300", "1800"), api.CodeInvalid, ""},
		{"timeout 6.5", with("300", "6.5"), api.CodeInvalid, ""},
		{"no success rate", with(`"success_rate":99.5,`, ``), api.CodeEmpty, "success_rate must"},
		{"success rate 0.9", with("99.5", "0.9"), api.CodeInvalid, ""},
		{"success rate 100.1", with("99.5", "100.1"), api.CodeInvalid, ""},
		{"success rate with two decimals", with("99.5", "99.55"), api.CodeInvalid, ""},
		{"no user", with(`"root"`, `""`), api.CodeEmpty, "execute_user must"},
		{"a long user", with("root", strings.Repeat("u", 33)), api.CodeInvalid, ""},
		{"a wrong name", with(`"who"`, `"who's"`), api.CodeInvalid, ""},
		{"a wrong value", with(`"all"`, `"a|b"`), "COC.00040601", "The paramValue is invalid."},
		{"a long value", with(`"all"`, `"`+strings.Repeat("v", 4097)+`"`), "COC.00040601", "The paramValue is invalid."},
		{"a long name", with(`"who"`, `"`+strings.Repeat("n", 65)+`"`), api.CodeInvalid, ""},
		{"the same parameter twice", with(`{"param_name":"who","param_value":"all"}`, `{"param_name":"who","param_value":"all"},`+
			`{"param_name":"who","param_value":"b"}`), api.CodeInvalid, ""},
		{"version 11 of a reference", with(`"param_value":"all"`, `"param_refer":{"refer_type":"PARAM_STORE","param_id":"p","param_version":11}`), api.CodeInvalid, ""},
		{"a long version of a reference", with(`"param_value":"all"`, `"param_refer":{"refer_type":"PARAM_STORE","param_id":"p","param_version":"12345678901"}`), api.CodeInvalid, ""},
		{"a long server id", with(w.scripts.Servers()[0].ID(), strings.Repeat("i", 65)), api.CodeInvalid, ""},
		{"a long region", with(`"`+w.scripts.Servers()[0].Region+`"`, `"`+strings.Repeat("r", 33)+`"`), api.CodeInvalid, ""},
		{"no region", with(`"region_id"`, `"x"`), api.CodeEmpty, "region_id must"},
		{"no server", with(`"resource_id"`, `"x"`), api.CodeEmpty, "resource_id must"},
		{"no index", with(`"batch_index":1,`, ``), api.CodeEmpty, "batch_index must"},
		{"index 0", with(`"batch_index":1,`, `"batch_index":0,`), api.CodeInvalid, ""},
		{"no strategy", with(`"rotation_strategy":"CONTINUE",`, ``), api.CodeEmpty, "rotation_strategy must"},
		{"no name of a parameter", with(`"param_name":"who",`, ``), api.CodeEmpty, "param_name must"},
		{"another type", with(`"region_id"`, `"type":"BUCKET","region_id"`), api.CodeInvalid, ""},
		{"a long attribute value", with(`"region_id"`, `"custom_attributes":[{"key":"k","value":"v23456789012345678901"}],"region_id"`), api.CodeInvalid, ""},
		{"two dots", with(`"all"`, `"../x"`), "COC.00040601", "The paramValue is invalid."},
		{"an empty value", with(`"all"`, `""`), "COC.00040601", ""},
		{"no value", with(`,"param_value":"all"`, ``), api.CodeEmpty, "param_value must"},
		{"a wrong reference", with(`"param_value":"all"`, `"param_refer":{"refer_type":"FILE","param_id":"p","param_version":1}`), api.CodeInvalid, ""},
		{"21 parameters", with(`{"param_name":"who","param_value":"all"}`, manyParams(21)), api.CodeInvalid, ""},
		{"no batches", with(`"execute_batches":[`, `"x":[`), api.CodeEmpty, "execute_batches must"},
		{"21 batches", strings.Replace(good, `"execute_batches":[`, `"execute_batches":[`+strings.Repeat(`{},`, 20), 1), api.CodeInvalid, ""},
		{"batch 2 first", with(`"batch_index":1`, `"batch_index":2`), api.CodeInvalid, ""},
		{"another strategy", with("CONTINUE", "STOP"), api.CodeInvalid, ""},
		{"no targets", with(target, ""), api.CodeEmpty, "target_instances must"},
		{"11 targets", with(target, repeated(11)), api.CodeInvalid, ""},
		{"another provider", with(`"region_id"`, `"provider":"OBS","region_id"`), api.CodeInvalid, ""},
		{"six attributes", with(`"region_id"`, `"custom_attributes":[`+strings.TrimSuffix(strings.Repeat(`{"key":"k","value":"v"},`, 6), ",")+`],"region_id"`), api.CodeInvalid, ""},
		{"a long attribute", with(`"region_id"`, `"custom_attributes":[{"key":"k2345678901","value":"v"}],"region_id"`), api.CodeInvalid, ""},
		{"an unknown server", with(w.scripts.Servers()[0].ID(), "no-such-server"), "COC.00040702",
			"Target instance is not exist. resource id: [no-such-server], provider: [ECS], type: [CLOUDSERVER]."},
		{"another region", with(w.scripts.Servers()[0].Region, "cn-south-1"), "COC.00040702", ""},
	} {
		t.Run(tt.name, func(t *testing.T) { w.coc(token, "POST", at, tt.body).is(t, 400, tt.code, tt.says) })
	}
	if w.Size() != before {
		t.Errorf("refused executions made %d tickets", w.Size()-before)
	}
	sent[string](w, token, "POST", at, with(target, repeated(10)))
	for _, version := range []string{``, `,"param_version":null`, `,"param_version":10`, `,"param_version":"1"`, `,"param_version":"2026.03.01"`} {
		sent[string](w, token, "POST", at, with(`"param_value":"all"`,
			`"param_value":"","param_refer":{"refer_type":"PARAM_STORE","param_id":"p"`+version+`}`))
	}
	sent[string](w, token, "POST", at, with(target, `{"resource_id":`+fmt.Sprintf("%q", w.scripts.Servers()[0].ID())+`,"region_id":`+fmt.Sprintf("%q", w.scripts.Servers()[0].Region)+
		`,"provider":null,"type":null,"custom_attributes":null,"agent_sn":"x","project_id":"y"}`, `"timeout"`, `"resourceful":true,"timeout"`))
}

func manyParams(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"param_name":"p%d","param_value":"v"}`, i))
	}
	return strings.Join(list, ",")
}

// TestExecutionProperties: a valid execution makes exactly the batches and
// rows that were sent, with ids that are new.
func TestExecutionProperties(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	at := customs + "/" + scripts.UUID(scripts.Demo[1].Name)
	ids := map[int64]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 10), 1, 20).Draw(rt, "sizes")
		var list, rotations []string
		for i, n := range sizes {
			var targets []string
			for j := range n {
				v := w.scripts.Servers()[(i*10+j)%100]
				targets = append(targets, fmt.Sprintf(`{"resource_id":%q,"region_id":%q}`, v.ID(), v.Region))
			}
			rotations = append(rotations, rapid.SampledFrom([]string{"CONTINUE", "PAUSE"}).Draw(rt, "rotation"))
			list = append(list, fmt.Sprintf(`{"batch_index":%d,"rotation_strategy":%q,"target_instances":[%s]}`, i+1,
				rotations[i], strings.Join(targets, ",")))
		}
		id := sent[string](w, token, "POST", at, fmt.Sprintf(`{"execute_param":{"timeout":%d,"success_rate":%d,"execute_user":"root"},"execute_batches":[%s]}`,
			rapid.IntRange(6, 1799).Draw(rt, "timeout"), rapid.IntRange(1, 100).Draw(rt, "rate"), strings.Join(list, ",")))
		var batches []batchBody
		w.get(token, orders+"/"+id+"/batches", &batches)
		if len(batches) != len(sizes) {
			rt.Fatalf("%d batches, sent %d", len(batches), len(sizes))
		}
		for i, b := range batches {
			rows := w.rows(token, id, b.Index)
			if b.Total != sizes[i] || len(rows) != sizes[i] || b.Rotation != rotations[i] {
				rt.Fatalf("batch %d is %+v with %d rows, sent %d and %s", b.Index, b, len(rows), sizes[i], rotations[i])
			}
			for j, r := range rows {
				if v := w.scripts.Servers()[(i*10+j)%100]; r.Target.ResourceID != v.ID() || r.Target.RegionID != v.Region {
					rt.Fatalf("row %d of batch %d is on %s, sent %s", j, b.Index, r.Target.ResourceID, v.ID())
				}
				if ids[r.ID] {
					rt.Fatalf("the id %d is there twice", r.ID)
				}
				ids[r.ID] = true
			}
		}
	})
}

// TestExecutionsRefused: a valid execution with one thing wrong is refused,
// whatever the rest is, and makes no ticket.
func TestExecutionsRefused(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	at := customs + "/" + scripts.UUID(scripts.Demo[0].Name)
	before := w.Size()
	outside := func(rt *rapid.T, least, most int) string {
		return fmt.Sprint(rapid.OneOf(rapid.IntRange(-1<<40, least), rapid.IntRange(most, 1<<40)).Draw(rt, "outside"))
	}
	wrongs := map[string]func(*rapid.T) (from, to string){
		"timeout": func(rt *rapid.T) (string, string) { return `"timeout":300`, `"timeout":` + outside(rt, 5, 1800) },
		"rate": func(rt *rapid.T) (string, string) {
			return `"success_rate":99.5`, `"success_rate":` + outside(rt, 0, 101)
		},
		"index": func(rt *rapid.T) (string, string) {
			return `"batch_index":1,`, `"batch_index":` + outside(rt, 0, 2) + `,`
		},
		"rotation": func(rt *rapid.T) (string, string) {
			return `"CONTINUE"`, `"` + rapid.StringMatching(`[A-BD-Z]{0,9}x`).Draw(rt, "rotation") + `"`
		},
		"user": func(rt *rapid.T) (string, string) {
			return `"root"`, `"` + rapid.StringMatching(`([a-z]{33,40})?`).Draw(rt, "user") + `"`
		},
		"value": func(rt *rapid.T) (string, string) {
			return `"all"`, `"` + rapid.StringMatching(`[a-z]{0,5}[;|&<>$'~!%^()][a-z]{0,5}`).Draw(rt, "value") + `"`
		},
		"server": func(rt *rapid.T) (string, string) {
			return w.scripts.Servers()[0].ID(), rapid.StringMatching(`[0-9a-f-]{1,35}`).Draw(rt, "server")
		},
	}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(wrongs))).Draw(rt, "wrong")
		from, to := wrongs[name](rt)
		body := strings.Replace(execution(w, rapid.IntRange(1, 20).Draw(rt, "batches")), from, to, 1)
		if r := w.coc(token, "POST", at, body); r.status != http.StatusBadRequest || !strings.Contains(r.body, `"error_code":"COC.`) {
			rt.Fatalf("%s: %d %s", name, r.status, r.body)
		}
		if w.Size() != before {
			rt.Fatalf("%s: a ticket was made", name)
		}
	})
}

// TestEnterpriseProject: a string as declared, or a number as in the example.
func TestEnterpriseProject(t *testing.T) {
	for numeric, want := range map[bool]any{false: "7", true: 7.0} {
		w := newWorld(t, Config{Rules: Rules{NumericEnterprise: numeric}})
		token := w.signIn("operator")
		sent[string](w, token, "POST", customs, newScript(`"7"`, `7`))
		p := sent[scripts.Page[map[string]any]](w, token, "GET", customs+"?limit=1&name_like=disk", "")
		if got := p.Data[0]["enterprise_project_id"]; got != want {
			t.Errorf("with numbers %v: it is %v", numeric, got)
		}
	}
}

func TestAnalyzeScript(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	for content, want := range map[string]string{"echo hello": "LOW []", "reboot": "MEDIUM [shutdown]",
		"rm -rf / ; mkfs.ext4 /dev/vdb": "HIGH [rm mkfs]"} {
		body, err := json.Marshal(map[string]string{"content": content})
		if err != nil {
			t.Fatal(err)
		}
		got := sent[struct {
			Risk     string `json:"risk_level"`
			Commands []struct {
				Name string `json:"command_name"`
			} `json:"blacklist_commands"`
		}](w, token, "POST", "/v1/job/analyze-job", string(body))
		var names []string
		for _, c := range got.Commands {
			names = append(names, c.Name)
		}
		if s := fmt.Sprintf("%s %v", got.Risk, names); s != want {
			t.Errorf("%q is %s, want %s", content, s, want)
		}
	}
	w.coc(token, "POST", "/v1/job/analyze-job", `{}`).is(t, 400, api.CodeEmpty, "")
}

func TestInventory(t *testing.T) {
	for _, base := range []string{"/v1/resources", "/v1/external/resources"} {
		t.Run(base, func(t *testing.T) {
			w := newWorld(t, Config{})
			token := w.signIn("operator")
			const servers = "?provider=ecs&type=cloudservers&limit=100"
			unsynced := w.scripts.Servers()[len(w.scripts.Servers())-1]
			one := base + servers + "&resource_id_list=" + unsynced.ID()
			if list := sent[[]scripts.Resource](w, token, "GET", one, ""); len(list) != 0 {
				t.Errorf("before the sync there is %+v", list)
			}
			run := strings.NewReplacer(w.scripts.Servers()[0].ID(), unsynced.ID()).Replace(execution(w, 1))
			w.coc(token, "POST", customs+"/"+scripts.UUID(scripts.Demo[0].Name), run).is(t, 400, "COC.00040702", "")
			w.coc(token, "POST", base+"/sync", `{"provider":"ecs"}`).is(t, 400, api.CodeEmpty, "type must")
			w.coc(token, "POST", base+"/sync", `{"provider":"obs","type":"buckets"}`).is(t, 400, api.CodeInvalid, "")
			sent[any](w, token, "POST", base+"/sync", `{"provider":"ecs","type":"cloudservers"}`)
			list := sent[[]scripts.Resource](w, token, "GET", one, "")
			if len(list) != 1 || list[0].ResourceID != unsynced.ID() || list[0].AgentState != "ONLINE" || list[0].Region != home ||
				list[0].Project != w.accounts[0].ProjectID(home) || list[0].AgentID == nil {
				t.Errorf("after the sync there is %+v", list)
			}
			sent[string](w, token, "POST", customs+"/"+scripts.UUID(scripts.Demo[0].Name), run)
			if list := sent[[]scripts.Resource](w, token, "GET", base+servers+"&agent_state=OFFLINE", ""); len(list) != 3 {
				t.Errorf("%d servers are offline, want 3", len(list))
			}
			first := sent[[]scripts.Resource](w, token, "GET", base+"?provider=ecs&type=cloudservers&limit=2&offset=1", "")
			if len(first) != 2 || first[0].ResourceID != w.scripts.Servers()[1].ID() {
				t.Errorf("by limit and offset there is %+v", first)
			}
			checkResourceFilters(t, w, token, base+"?provider=ecs&type=cloudservers&limit=500")
			for query, code := range map[string]string{"": api.CodeEmpty, "?provider=ecs": api.CodeEmpty, "?provider=ecs&type=cloudservers": api.CodeEmpty,
				"?provider=obs&type=cloudservers&limit=1": api.CodeInvalid, "?provider=ecs&type=cloudservers&limit=501": api.CodeInvalid,
				"?provider=ecs&type=cloudservers&limit=1&agent_state=x":                        api.CodeInvalid,
				"?provider=ecs&type=cloudservers&limit=1&ip_list=" + strings.Repeat("1,", 100): api.CodeInvalid} {
				w.coc(token, "GET", base+query, "").is(t, 400, code, "")
			}
		})
	}
}

// checkResourceFilters reads the whole inventory, and parts of it.
func checkResourceFilters(t *testing.T, w *world, token, path string) {
	t.Helper()
	first, second := w.scripts.Servers()[0], w.scripts.Servers()[1]
	zone := 0
	for _, v := range w.scripts.Servers() {
		if v.Zone == first.Zone && !v.LInstance {
			zone++
		}
	}
	for query, want := range map[string]int{"": min(500, len(w.scripts.Servers())-2), // without the L instances
		"&name=" + first.Host: 1, "&ip=" + first.IP + "&name=" + first.Host: 1,
		"&ip_list=" + first.IP + "," + second.IP: 2, "&ip_list=" + first.IP + "&ip_list=" + second.IP: 2,
		"&resource_id_list=" + first.ID() + "&resource_id_list=" + second.ID(): 2, "&az_id=" + first.Zone: zone, "&agent_state=FAILED": 0,
		"&region_id=nowhere": 0} {
		if list := sent[[]scripts.Resource](w, token, "GET", path+query, ""); len(list) != want {
			t.Errorf("%s: %d servers, want %d", query, len(list), want)
		}
	}
}

func TestBatchInstances(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("operator")
	var targets []string
	for _, v := range w.scripts.Servers()[:60] {
		targets = append(targets, fmt.Sprintf(`{"resource_id":%q,"region_id":%q}`, v.ID(), v.Region))
	}
	const at = "/v1/instances/batches"
	body := `{"batch_strategy":"AUTO_BATCH","target_instances":[` + strings.Join(targets, ",") + `]}`
	seen := map[string]bool{}
	groups := map[string]int{}
	for _, v := range w.scripts.Servers()[:60] {
		groups[v.Zone+v.Application]++
	}
	for i, b := range sent[[]scripts.BatchResult](w, token, "POST", at, body) {
		zone, application := b.Targets[0].Properties.ZoneID, text(b.Targets[0].Properties.Application)
		if b.Index != i+1 || len(b.Targets) > 10 || len(b.Targets) > max(1, groups[zone+application]/2) {
			t.Errorf("batch %d has %d of %d servers", b.Index, len(b.Targets), groups[zone+application])
		}
		for _, v := range b.Targets {
			if seen[v.ResourceID] || v.Properties.ZoneID != zone || text(v.Properties.Application) != application {
				t.Errorf("batch %d holds %+v", b.Index, v)
			}
			seen[v.ResourceID] = true
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d of 60 servers are in a batch", len(seen))
	}
	w.coc(token, "POST", at, strings.Replace(body, "AUTO_BATCH", "MANUAL", 1)).is(t, 400, api.CodeInvalid, "")
	w.coc(token, "POST", at, `{"batch_strategy":"AUTO_BATCH","target_instances":[`+strings.Repeat(targets[0]+",", 200)+targets[0]+`]}`).is(t, 400, api.CodeInvalid, "")
	w.coc(token, "POST", at, `{"batch_strategy":"AUTO_BATCH","target_instances":[]}`).is(t, 400, api.CodeEmpty, "target_instances must")
	w.coc(token, "POST", at, strings.Replace(body, "batch_strategy", "x", 1)).is(t, 400, api.CodeEmpty, "batch_strategy must")
	w.coc(token, "POST", at, strings.Replace(body, `"region_id"`, `"x"`, 1)).is(t, 400, api.CodeEmpty, "region_id must")
	w.coc(token, "POST", at, `{"batch_strategy":"AUTO_BATCH","target_instances":[{"resource_id":"x","region_id":"y"}]}`).is(t, 400, "COC.00040702", "")
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TestScriptPermissions: every call has an action of its own.
func TestScriptPermissions(t *testing.T) {
	w := newWorld(t, Config{})
	token := w.signIn("reader")
	script := scripts.UUID(scripts.Demo[0].Name)
	for call, action := range map[string]string{
		"GET " + customs: actionListDocuments, "POST " + customs: actionCreateDocument, "GET " + customs + "/" + script: actionGetDocument,
		"PUT " + customs + "/" + script: actionUpdateDocument, "DELETE " + customs + "/" + script: actionDeleteDocument,
		"POST " + customs + "/" + script: actionExecute, "POST " + customs + "/" + script + "/action": actionUpdateDocument,
		"POST /v1/job/analyze-job": actionAnalyze, "GET " + publics: actionListDocuments, "GET " + publics + "/" + script: actionGetDocument,
		"POST " + publics + "/" + script: actionExecute, "POST /v1/instances/batches": actionAutoBatch,
		"GET /v1/resources": actionListResources, "POST /v1/resources/sync": actionSyncResources,
	} {
		method, path, _ := strings.Cut(call, " ")
		w.coc(token, method, path, "{}").is(t, 403, "PAP5.0001", action)
	}
}

// TestFaultsOnExecution: an execution that is accepted and forgotten, and one
// that something on the way sent twice.
func TestFaultsOnExecution(t *testing.T) {
	for effect, made := range map[Effect]int{NoEffect: 0, Twice: 2} {
		t.Run(effect.String(), func(t *testing.T) {
			w := newWorld(t, Config{})
			token := w.signIn("operator")
			before := w.Size()
			w.Inject(Fault{Kind: CallExecuteScript, Effect: effect, Times: 1})
			id := sent[string](w, token, "POST", customs+"/"+scripts.UUID(scripts.Demo[0].Name), execution(w, 1))
			if n := w.Size() - before; n != made {
				t.Errorf("%d tickets were made, want %d", n, made)
			}
			status, code := http.StatusOK, ""
			if made == 0 {
				status, code = http.StatusBadRequest, api.CodeNotFound
			}
			w.coc(token, "GET", orders+"/"+id, "").is(t, status, code, "")
		})
	}
}
