package system

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// upstream stands for IAM and COC where the console's own cost is measured: every ticket is there, runs on ten servers
// until it is operated on, and does at once what it is told. The simulator does more, and costs more than the console.
type upstream struct {
	url     string
	delay   time.Duration // of each answer of COC
	calls   atomic.Int64  // to COC
	sent    atomic.Int64  // operations
	created int64

	mu      sync.Mutex
	tickets map[string]*upstreamTicket
}

type upstreamTicket struct {
	paused   bool
	canceled map[int64]bool
}

// benchUser is who operates, and whose tickets they are.
const benchUser = "operator"

func newUpstream(tb testing.TB, delay time.Duration) *upstream {
	u := &upstream{delay: delay, tickets: map[string]*upstreamTicket{}, created: time.Now().Add(-time.Minute).UnixMilli()}
	const order = "/v1/job/script/orders/{ticket}"
	routes := http.NewServeMux()
	routes.HandleFunc("/v3/auth/tokens", u.token)
	routes.HandleFunc("GET "+order, u.coc(u.show))
	routes.HandleFunc("GET "+order+"/batches", u.coc(u.batches))
	routes.HandleFunc("GET "+order+"/batches/{batch}", u.coc(u.instances))
	routes.HandleFunc("GET "+order+"/statistics", u.coc(u.statistics))
	routes.HandleFunc("PUT "+order+"/operation", u.coc(u.operate))
	routes.HandleFunc("GET "+strings.TrimSuffix(order, "/{ticket}"), u.coc(u.list))
	routes.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Method+" "+r.URL.Path+" is not served", http.StatusNotFound)
	})
	server := httptest.NewServer(routes)
	tb.Cleanup(server.Close)
	u.url = server.URL
	return u
}

type object map[string]any

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the console notices
}

// token signs everybody in: a token ends in its user's name.
func (u *upstream) token(w http.ResponseWriter, r *http.Request) {
	status, now, user := http.StatusOK, time.Now().UTC(), strings.TrimLeft(r.Header.Get("X-Subject-Token"), "MI.")
	if r.Method == http.MethodPost {
		var body struct {
			Auth struct {
				Identity struct {
					Password struct{ User struct{ Name string } }
				}
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		status, user = http.StatusCreated, body.Auth.Identity.Password.User.Name
	}
	w.Header().Set("X-Subject-Token", "MII"+strings.Repeat(".", 2000)+user)
	const layout = "2006-01-02T15:04:05.000000Z"
	id := func(of string) string { sum := sha256.Sum256([]byte(of)); return hex.EncodeToString(sum[:16]) }
	domain := object{"id": id("bench"), "name": "bench"}
	answer(w, status, object{"token": object{"methods": []string{"password"}, "issued_at": now.Format(layout), "expires_at": now.Add(24 * time.Hour).Format(layout),
		"roles": []object{{"id": "0", "name": "te_admin"}}, "project": object{"id": id("project"), "name": "cn-north-4", "domain": domain},
		"user": object{"id": id(user), "name": user, "domain": domain}}})
}

// next is the query of a confirmation page whose operation fits the ticket: one that is paused is continued.
func (u *upstream) next(ticket, kind string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	t := u.tickets[ticket]
	switch {
	case kind == "CANCEL_INSTANCE" && t == nil:
		return fmt.Sprintf("operation_type=%s&instance_id=%d&batch=1", kind, firstRow)
	case kind == "CANCEL_INSTANCE":
		return fmt.Sprintf("operation_type=%s&instance_id=%d&batch=1", kind, firstRow+len(t.canceled))
	case t != nil && t.paused:
		kind = "CONTINUE_ORDER"
	}
	return "operation_type=" + kind
}

// coc counts a call and holds its answer back.
func (u *upstream) coc(serve func(w http.ResponseWriter, r *http.Request, t *upstreamTicket)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u.calls.Add(1)
		if u.delay > 0 {
			<-time.After(u.delay)
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		t := u.tickets[r.PathValue("ticket")]
		if t == nil {
			t = &upstreamTicket{canceled: map[int64]bool{}}
			u.tickets[r.PathValue("ticket")] = t
		}
		serve(w, r, t)
	}
}

// list has 50 tickets that ended, on one page.
func (u *upstream) list(w http.ResponseWriter, r *http.Request, _ *upstreamTicket) {
	rows := []object{}
	for i := range 50 {
		if r.URL.Query().Get("marker") == "" {
			rows = append(rows, object{"order_id": 1000 - i, "order_name": fmt.Sprint("restart_", i), "execute_uuid": fmt.Sprintf("SCT20260101000002%09x", i),
				"gmt_created": u.created, "gmt_finished": u.created + 5000, "creator": benchUser, "status": "FINISHED",
				"properties": object{"region_ids": "cn-north-4"}})
		}
	}
	answer(w, http.StatusOK, object{"data": object{"total": 50, "data": rows}})
}

// turn pauses a ticket, or continues it.
func (u *upstream) turn(ticket string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t := u.tickets[ticket]; t != nil {
		t.paused = !t.paused
	}
}

func (t *upstreamTicket) status() string {
	if t.paused {
		return "PAUSED"
	}
	return "PROCESSING"
}

func (u *upstream) show(w http.ResponseWriter, r *http.Request, t *upstreamTicket) {
	answer(w, http.StatusOK, object{"data": object{"execute_uuid": r.PathValue("ticket"), "gmt_created": u.created, "creator": benchUser, "status": t.status(),
		"properties": object{"script_uuid": "SC2026010100000000000000001", "script_name": "restart", "script_version_name": "1", "script_source": "CUSTOM",
			"current_execute_batch_index": 1, "execute_param": object{"timeout": 1800, "success_rate": 50, "execute_user": "root"}}}})
}

func (u *upstream) batches(w http.ResponseWriter, _ *http.Request, _ *upstreamTicket) {
	answer(w, http.StatusOK, object{"data": []object{{"batch_index": 1, "total_instances": 10, "rotation_strategy": "CONTINUE"},
		{"batch_index": 2, "total_instances": 10, "rotation_strategy": "CONTINUE"}}})
}

// firstRow is the id of the first instance of the first batch.
const firstRow = 4030435000

func (u *upstream) instances(w http.ResponseWriter, r *http.Request, t *upstreamTicket) {
	batch, _ := strconv.Atoi(r.PathValue("batch"))
	if batch < 1 || r.URL.Query().Get("marker") != "" && r.URL.Query().Get("marker") != "0" {
		answer(w, http.StatusOK, object{"data": object{"batch_index": batch, "total_instances": 10, "execute_instances": []object{}}})
		return
	}
	var rows []object
	for i := range int64(10) {
		id, status := firstRow+100*int64(batch-1)+i, "PROCESSING"
		if batch == 2 {
			status = "READY"
		}
		if t.canceled[id] {
			status = "CANCELED"
		}
		rows = append(rows, object{"id": id, "status": status, "gmt_created": u.created, "message": "step 1\nconfiguration is reloaded", "target_instance": object{
			"resource_id": fmt.Sprint("ecs-", id), "provider": "ECS", "type": "CLOUDSERVERS", "region_id": "cn-north-4",
			"properties": object{"host_name": fmt.Sprint("web-", id), "fixed_ip": "192.168.0.7", "region_id": "cn-north-4", "zone_id": "cn-north-4a"}}})
	}
	answer(w, http.StatusOK, object{"data": object{"batch_index": batch, "total_instances": 10, "execute_instances": rows}})
}

func (u *upstream) statistics(w http.ResponseWriter, _ *http.Request, t *upstreamTicket) {
	gone := len(t.canceled)
	answer(w, http.StatusOK, object{"data": object{"total_instance": 20, "execute_statistics": []object{
		{"instance_status": "PROCESSING", "instance_count": 10 - gone, "batch_indexes": []int{1}},
		{"instance_status": "READY", "instance_count": 10, "batch_indexes": []int{2}},
		{"instance_status": "CANCELED", "instance_count": gone, "batch_indexes": []int{1}[:min(1, gone)]}}}})
}

func (u *upstream) operate(w http.ResponseWriter, r *http.Request, t *upstreamTicket) {
	u.sent.Add(1)
	var op struct {
		Type     string `json:"operation_type"`
		Instance int64  `json:"instance_id"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &op)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch op.Type {
	case "PAUSE_ORDER":
		t.paused = true
	case "CONTINUE_ORDER":
		t.paused = false
	case "CANCEL_INSTANCE":
		t.canceled[op.Instance] = true
	}
	answer(w, http.StatusOK, object{"data": r.PathValue("ticket")})
}
