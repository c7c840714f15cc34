package scripts

import (
	"fmt"
	"strings"
	"time"

	"coc-console/internal/simulator/api"
)

// Script is what the demo tickets run: a name, parameters, the shape of its
// log and the ways in which it fails. {host}, {ip} and {n} are filled in.
type Script struct {
	Name     string
	Role     string // of the servers
	Params   []Param
	Run      time.Duration // typical
	lines    []string
	failures []failure
}

// Param is a script parameter. COC shows sensitive values masked.
type Param struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Sensitive bool   `json:"sensitive"`
}

type failure struct {
	exit  int
	lines []string // printed after the first half of the script's lines
}

// Demo are the scripts of the demo tickets.
var Demo = []Script{
	{Name: "nginx_reload", Role: "web", Run: 8 * time.Second,
		Params: []Param{{Name: "config_version", Value: "2026.03.2"}},
		lines: []string{"checking configuration on {host}",
			"nginx: the configuration file /etc/nginx/nginx.conf syntax is ok",
			"nginx: configuration file /etc/nginx/nginx.conf test is successful",
			"sending SIGHUP to master process 1{n}",
			"old workers: 8, draining", "new workers: 8", "health check http://{ip}/healthz -> 200", "reload done"},
		failures: []failure{
			{1, []string{`nginx: [emerg] host not found in upstream "pay-backend.internal" in /etc/nginx/conf.d/pay.conf:14`,
				"nginx: configuration file /etc/nginx/nginx.conf test failed",
				"reload refused, the old configuration stays active", "exit status 1"}},
			{7, []string{"health check http://{ip}/healthz -> 503", "rolled back to the configuration of 2026-02-24",
				"exit status 7"}}}},
	{Name: "rotate_logs", Role: "app", Run: 14 * time.Second,
		Params: []Param{{Name: "keep_days", Value: "14"}, {Name: "path", Value: "/var/log/app"}},
		lines: []string{"rotating /var/log/app on {host}",
			"reading state from file: /var/lib/logrotate/logrotate.status",
			"app.log: 2.{n} GB, rotating", "compressing app.log.1 -> app.log.1.gz", "access.log: 418 MB, rotating",
			"removing 6 archives older than 14 days", "df -h /var/log: 38% used", "rotation done"},
		failures: []failure{{1, []string{"gzip: /var/log/app/app.log.1.gz: No space left on device",
			"error: failed to compress log /var/log/app/app.log.1", "exit status 1"}}}},
	{Name: "kernel_patch", Role: "app", Run: 4 * time.Minute,
		Params: []Param{{Name: "advisory", Value: "EulerOS-SA-2026-1187"}, {Name: "reboot", Value: "no"}},
		lines: []string{"kernel before: 5.10.0-182.0.0.95.r2220", "Last metadata expiration check: 0:12:07 ago",
			"Dependencies resolved.",
			" kernel        x86_64  5.10.0-216.0.0.115.r3  updates  41 M",
			" kernel-tools  x86_64  5.10.0-216.0.0.115.r3  updates  9.8 M",
			"Downloading Packages:", "(1/2): kernel-tools-5.10.0-216.rpm   11 MB/s | 9.8 MB",
			"(2/2): kernel-5.10.0-216.rpm   14 MB/s |  41 MB",
			"Running transaction check", "Transaction test succeeded.", "Running transaction",
			"  Upgrading : kernel-tools", "  Installing: kernel",
			"Generating grub configuration file ... done", "livepatch: enabling patch",
			"kernel patch done, reboot pending on {host}"},
		failures: []failure{{1, []string{"Error: Transaction test error:",
			"  installing package kernel-5.10.0-216 needs 62MB on the /boot filesystem", "exit status 1"}}}},
	{Name: "renew_certificates", Role: "gw", Run: 21 * time.Second,
		Params: []Param{{Name: "domain", Value: "api.example.com"},
			{Name: "acme_token", Value: "d41d8c", Sensitive: true}},
		lines: []string{"certificate of api.example.com on {host}: expires in 11 days", "ordering a new certificate",
			"http-01 challenge: valid",
			"writing /etc/pki/tls/api.example.com.pem (0600)", "openssl verify: OK", "reloading haproxy",
			"not after: Jun 14 08:00:00 2026 GMT", "renewal done"},
		failures: []failure{{3, []string{"http-01 challenge: invalid: connection refused from 203.0.113.7",
			"keeping the old certificate", "exit status 3"}}}},
	{Name: "db_backup_check", Role: "db", Run: 47 * time.Second,
		Params: []Param{{Name: "max_age_hours", Value: "26"}, {Name: "db_password", Value: "secret", Sensitive: true}},
		lines: []string{"instance {host}:3306, role replica", "newest backup: /backup/full-{n}.xbstream, 3 h old",
			"checking 214 files",
			"xtrabackup: prepare dry run", "xtrabackup: completed OK!", "binlog gap: none",
			"object storage copy: obs://backup-bj4/{host}: same checksum",
			"seconds behind source: 0", "backup check done"},
		failures: []failure{{2, []string{"newest backup is 51 h old, allowed are 26 h",
			"last job log: ERROR 1040 (HY000): Too many connections", "exit status 2"}}}},
	{Name: "ntp_sync_check", Role: "app", Run: 5 * time.Second,
		lines: []string{"chronyc tracking", "Reference ID    : 647D0026 (ntp.myhuaweicloud.com)", "Stratum         : 4",
			"System time     : 0.0000{n} seconds fast of NTP time", "Leap status     : Normal", "offset within 50 ms"},
		failures: []failure{{1, []string{"Leap status     : Not synchronised", "506 Cannot talk to daemon",
			"exit status 1"}}}},
	{Name: "security_baseline", Role: "web", Run: 95 * time.Second,
		Params: []Param{{Name: "profile", Value: "level-2"}},
		lines: []string{"profile level-2, 118 rules", "[PASS] 1.1 separate partition for /tmp",
			"[PASS] 2.3 telnet client not installed",
			"[PASS] 4.1 auditd enabled", "[WARN] 5.2 sshd MaxAuthTries is 6, should be 4",
			"[PASS] 5.3 PermitRootLogin no", "[PASS] 6.1 permissions of /etc/shadow", "score of {host}: 97/118"},
		failures: []failure{{4, []string{"[FAIL] 5.4 2 accounts with an empty password",
			"[FAIL] 6.2 world-writable files in /opt", "exit status 4"}}}},
	{Name: "restart_order_service", Role: "app", Run: 36 * time.Second,
		Params: []Param{{Name: "drain_seconds", Value: "20"}},
		lines: []string{"taking {host} out of the load balancer", "draining, 20 s", "connections left: 3",
			"connections left: 0",
			"systemctl restart order-service", "waiting for port 8443", "GET https://{ip}:8443/actuator/health -> UP",
			"back in the load balancer"},
		failures: []failure{{1, []string{"java.lang.IllegalStateException: Failed to load property source from 'application-prod.yml'",
			"order-service.service: Main process exited, code=exited, status=1/FAILURE",
			"{host} stays out of the load balancer", "exit status 1"}}}},
	{Name: "cleanup_docker_images", Role: "k8s", Run: 27 * time.Second,
		lines: []string{"docker system df on {host}", "Images 84 (31 active), 41.{n}GB, reclaimable 22.8GB",
			"deleting untagged images",
			"deleted: sha256:9c27e219663c25e0f28493790cc0b88bc973ba3b1686355f221c38a36978ac63",
			"Total reclaimed space: 22.8GB"},
		failures: []failure{{1, []string{"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", "exit status 1"}}}},
}

// Named is the demo script with that name.
func Named(name string) Script {
	for _, s := range Demo {
		if s.Name == name {
			return s
		}
	}
	return Script{Name: name, Role: "app", Run: 10 * time.Second, lines: []string{"done on {host}"}}
}

// Log is what the script prints on a server when all goes well.
func (s Script) Log(host, ip string) string { return fill(s.lines, host, ip) }

// Failed is what it prints when it fails, with the exit code.
func (s Script) Failed(host, ip string, which int) (log string, exit int) {
	f := failure{exit: 1, lines: []string{"exit status 1"}}
	if len(s.failures) > 0 {
		f = s.failures[which%len(s.failures)]
	}
	return fill(append(s.lines[:len(s.lines)/2:len(s.lines)/2], f.lines...), host, ip), f.exit
}

func fill(lines []string, host, ip string) string {
	n := fmt.Sprint(100 + api.Hash(host)%900)
	return strings.NewReplacer("{host}", host, "{ip}", ip, "{n}", n).Replace(strings.Join(lines, "\n"))
}
