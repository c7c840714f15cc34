package ansi

import "testing"

// TestTellsError: what pages lead to as the first error.
func TestTellsError(t *testing.T) {
	for line, want := range map[string]bool{
		"ERROR: disk full":                         true,
		"nginx: [emerg] host not found":            true,
		"[alert] socket":                           true,
		"[crit] disk":                              true,
		"FATAL: could not map shared memory":       true,
		"fatal error: stdio.h: not found":          true,
		"panic: runtime error: index":              true,
		"Traceback (most recent call last):":       true,
		"Exception in thread \"main\" java.lang.X": true,
		"ValueError: invalid literal":              true,
		"worker: segfault at 0 ip 00007f":          true,
		"Segmentation fault (core dumped)":         true,
		"Out of memory: Killed process 12":         true,
		"level=error msg=\"no route\"":             true,
		"curl: (7) Connection refused":             true,
		"ssh: connect: Connection timed out":       true,
		"sh: 1: foo: command not found":            true,
		"rm: x: Permission denied":                 true,
		"npm ERR! code E404":                       true,
		"CRITICAL: disk /":                         true,
		"error: no space left":                     true,
		"error: null pointer dereference":          true,
		"error: 0x80070005":                        true,
		"errors: 3":                                true,
		"10 errors":                                true,
		"failed=0, fatal: host unreachable":        true,
		"0 errors, 2 failed":                       true,
		"error=nil, but it failed":                 true,
		"脚本以非零状态退出":                                true,
		"连接失败":                                     true,

		"":                                 false,
		"fine":                             false,
		"an emergency exit":                false,
		"0 errors, 0 warnings":             false,
		"no failures":                      false,
		"completed without any errors":     false,
		"12 tests, 0 failed":               false,
		"0 hosts failed":                   false,
		"ok=1 failed=0":                    false,
		"errors: 0":                        false,
		"errors: 0 warnings: 2":            false,
		"error_count: 0":                   false,
		"error-retries=0":                  false,
		"error=nil":                        false,
		"err=<nil> error=<nil>":            false,
		`{"ok":true,"error":null}`:         false,
		`{"error": "", "n": 1}`:            false,
		"error: none":                      false,
		"starting failover to db-2":        false,
		"fail2ban is running":              false,
		"writing /var/log/nginx/error.log": false,
		"+ curl --fail -sS http://x":       false,
		"continue-on-error is set":         false,
		"没有错误":                             false,
		"错误数：0":                            false,
		"成功":                               false,
	} {
		if got := TellsError(line); got != want {
			t.Errorf("%q: got %v", line, got)
		}
	}
}
