package ansi

import (
	"regexp"
	"strings"
)

// errorWords are what a line is taken for an error by, in lower case.
var errorWords = []string{
	"error", "fail", "fatal", "exception", "panic:", "traceback", "[emerg]", "[alert]", "[crit]", "[critical]",
	"critical:", "severe:", "err!",
	"segfault", "segmentation fault", "core dumped", "out of memory", "oom-kill", "non-zero", "connection refused",
	"timed out", "permission denied", "command not found", "no such file or directory", "非零", "失败", "错误", "异常",
}

// harmless matches what has such a word and tells of no error: counts of none,
// fields without a value, and names.
var harmless = regexp.MustCompile(strings.Join([]string{
	`\b(?:0+|no|zero|without(?: any)?)\s+(?:errors?|failed|failures?|exceptions?)\b`,
	`\b0+\s+\w+\s+(?:with errors|failed)\b`,
	keyWord + `\s?=\s?["']?(?:` + noValue + `)\b`,
	keyWord + `\s?=\s?(?:<nil>|""|''|\[\]|\{\})`,
	keyWord + `:\s*["']?(?:` + noValue + `|<nil>|""|''|\[\]|\{\})["']?\s*(?:[,;)\]}|]|$)`,
	`\b(?:errors|failures|failed|exceptions|\w*(?:error|fail)\w*[-_]\w+)["']?\s?:\s*0+\b`,
	`\bfail(?:[-_ ]?over|[-_ ]?back|[-_]?safe|[-_ ]?fast|2ban|_timeout)\w*`,
	`\berror[._-]?(?:log|document|page|level)s?\b`,
	`\b(?:on|ignore|continue-on)[-_]?errors?\b`,
	`--fail[\w-]*`,
	`(?:无|没有|0\s*个)(?:错误|异常|失败)`, `(?:错误|异常|失败)(?:数|个数|数量)?\s*[:：=]\s*0\b`,
}, "|"))

const (
	keyWord = `[\w.\-]*(?:error|fail|exception|fatal)[\w.\-]*["']?`
	noValue = `0+(?:\.0+)?|nil|null|none|false|no|ok`
)

// TellsError guesses whether a line tells of an error, to lead there.
func TellsError(line string) bool {
	text := strings.ToLower(strings.TrimSpace(line))
	return hasErrorWord(text) && hasErrorWord(harmless.ReplaceAllString(text, ""))
}

func hasErrorWord(text string) bool {
	for _, word := range errorWords {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
