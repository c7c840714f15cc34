package conformance

import (
	"time"

	"coc-console/internal/simulator"
)

// Ids that a float64 cannot tell from their neighbours.
const (
	above53     = 1<<53 + 1
	neighbour   = 1 << 53
	highest     = 1<<63 - 1
	nextHighest = 1<<63 - 2
)

const region, otherRegion = "cn-north-4", "ap-southeast-3"

func server(id int64, host string, dispatch, run time.Duration, log string) simulator.InstanceSpec {
	return simulator.InstanceSpec{ID: id, Host: host, IP: "192.168.0." + host[len(host)-1:], Region: region,
		Zone: region + "a", Dispatch: dispatch, Run: run, Log: log}
}

// lab is a set of tickets of which the tests know every value.
func lab() []simulator.TicketSpec {
	return []simulator.TicketSpec{running(), abnormal(), paused(), finished()}
}

// running is in its second batch of three, a minute old: batch 1 ran from 1 s
// to 22 s, batch 2 since then.
func running() simulator.TicketSpec {
	good, bad := server(101, "web-1", time.Second, 20*time.Second, "one\ntwo"), server(102, "web-2", 2*time.Second, 10*time.Second, "no")
	bad.ExitCode, good.Application = 1, "shop"
	here := server(above53, "web-3", 2*time.Second, 72*time.Second, "a\nb\nc\nd")
	last := server(highest, "web-5", time.Second, time.Minute, "")
	last.Region, last.Zone = otherRegion, otherRegion+"b"
	return simulator.TicketSpec{Scenario: "running", Name: "rotate_logs", Creator: "operator", Age: time.Minute,
		Timeout: 300 * time.Second, SuccessRate: 49.5, ExecuteUser: "mysql",
		Params: []simulator.ParamSpec{{Name: "days", Value: "14"}, {Name: "key", Value: "hush", Sensitive: true}},
		Batches: []simulator.BatchSpec{{Instances: []simulator.InstanceSpec{good, bad}},
			{Pause: true, Instances: []simulator.InstanceSpec{here, server(neighbour, "web-4", 100*time.Second, time.Second, "")}},
			{Instances: []simulator.InstanceSpec{last, server(nextHighest, "web-6", time.Second, time.Minute, "")}}}}
}

// abnormal stopped in its first batch, where one server waits for its turn no more.
func abnormal() simulator.TicketSpec {
	gone := server(201, "db-1", time.Second, 2*time.Second, "")
	gone.Offline = true
	return simulator.TicketSpec{Scenario: "abnormal", Name: "db_check", Creator: "manager", Age: 10 * time.Minute,
		Timeout: 60 * time.Second, SuccessRate: 100, Batches: []simulator.BatchSpec{
			{Instances: []simulator.InstanceSpec{gone, server(202, "db-2", time.Second, 3*time.Second, "ok")}},
			{Instances: []simulator.InstanceSpec{server(203, "db-3", time.Second, time.Minute, "")}}}}
}

// paused waits after its first batch.
func paused() simulator.TicketSpec {
	return simulator.TicketSpec{Scenario: "paused", Name: "patch", Creator: "operator", Age: 20 * time.Minute,
		Timeout: 60 * time.Second, SuccessRate: 100, Batches: []simulator.BatchSpec{
			{Pause: true, Instances: []simulator.InstanceSpec{server(301, "gw-1", time.Second, 3*time.Second, "ok")}},
			{Instances: []simulator.InstanceSpec{server(302, "gw-2", time.Second, time.Minute, "")}}}}
}

// finished ended an hour ago, after 61.5 s, though one server timed out.
func finished() simulator.TicketSpec {
	slow := server(402, "ap-2", 500*time.Millisecond, 10*time.Minute, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10")
	return simulator.TicketSpec{Scenario: "finished", Name: "backup", Creator: "operator", Age: time.Hour,
		Timeout: 60 * time.Second, SuccessRate: 50, Batches: []simulator.BatchSpec{
			{Pause: true, Instances: []simulator.InstanceSpec{server(401, "ap-1", 500*time.Millisecond, 30*time.Second, "done"), slow}}}}
}
