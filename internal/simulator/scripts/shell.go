package scripts

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What a script does on a server is invented. Of its content three commands
// count: echo prints, sleep waits as coreutils' does, and exit ends it.

// scriptRun is a script as it was when it was executed.
type scriptRun struct {
	content  string
	params   []Param
	host, ip string
}

// ownTime is how long a script takes besides its sleeps.
const ownTime = time.Second

var (
	echoCommand  = regexp.MustCompile(`^echo\s+(.*)$`)
	sleepCommand = regexp.MustCompile(`^sleep((?:\s+\S+)+)$`)
	exitCommand  = regexp.MustCompile(`^exit\s+([0-9]{1,3})$`)
)

// maxSleep bounds all sleeps of a script together: nothing runs that long.
const maxSleep = 48 * time.Hour

var sleepUnits = map[string]time.Duration{"": time.Second, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour}

var sleepTime = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})([smhd]?)$`)

// sleeps is how long a sleep with these arguments takes: their sum, each with
// its unit. One that sleep would refuse takes no time.
func sleeps(arguments string) (sum time.Duration) {
	for argument := range strings.FieldsSeq(arguments) {
		m := sleepTime.FindStringSubmatch(argument)
		if m == nil {
			if argument != "infinity" {
				return 0
			}
			return maxSleep
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0
		}
		sum += time.Duration(min(n*float64(sleepUnits[m[2]]), float64(maxSleep)))
	}
	return min(sum, maxSleep)
}

// commands are the commands of the script up to the one that ends it: its
// lines, divided at ; and && outside of quotes.
func (r scriptRun) commands(yield func(string) bool) {
	for line := range strings.Lines(r.content) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, command := range divide(line) {
			if !yield(command) || exitCommand.MatchString(command) {
				return
			}
		}
	}
}

// divide splits a line into its commands.
func divide(line string) []string {
	var list []string
	var quote byte
	from := 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == ';':
			list, from = append(list, strings.TrimSpace(line[from:i])), i+1
		case c == '&' && strings.HasPrefix(line[i:], "&&"):
			list, from = append(list, strings.TrimSpace(line[from:i])), i+2
			i++
		}
	}
	return append(list, strings.TrimSpace(line[from:]))
}

// filledIn puts the values of the parameters into text.
func (r scriptRun) filledIn() *strings.Replacer {
	values := []string{}
	for _, param := range r.params {
		values = append(values, "${"+param.Name+"}", param.Value)
	}
	return strings.NewReplacer(values...)
}

func (r scriptRun) outcome() (wait time.Duration, code int) {
	values := r.filledIn()
	for command := range r.commands {
		if m := sleepCommand.FindStringSubmatch(command); m != nil {
			wait = min(wait+sleeps(values.Replace(m[1])), maxSleep)
		}
		if m := exitCommand.FindStringSubmatch(command); m != nil {
			code, _ = strconv.Atoi(m[1]) // at most three digits
		}
	}
	return wait, code
}

// maxLog is docs/coc-api.md section 11; that what is longer is cut at its end
// is inferred.
const maxLog = 1 << 20

// printedLine is one that is there once the sleeps before it are over.
type printedLine struct {
	text  string
	after time.Duration
}

// printed are the lines of the log. Few bytes of a script can print many, so
// they are made when somebody reads them.
func (r scriptRun) printed(code int) (list []printedLine) {
	values, size, slept := r.filledIn(), 0, time.Duration(0)
	for command := range r.commands {
		if m := sleepCommand.FindStringSubmatch(command); m != nil {
			slept = min(slept+sleeps(values.Replace(m[1])), maxSleep)
		}
		if m := echoCommand.FindStringSubmatch(command); m != nil && size <= maxLog {
			text := strings.Trim(values.Replace(m[1]), `"'`)
			list, size = append(list, printedLine{text, slept}), size+len(text)+1
		}
	}
	if code != 0 {
		list = append(list, printedLine{fmt.Sprintf("exit status %d", code), slept})
	}
	return list
}

// log is what the script, which takes that time and ends with that code, has
// printed after a time: the lines between two sleeps come together, over the
// time that the script itself takes.
func (r scriptRun) log(code int, takes, after time.Duration) string {
	var there []string
	list := r.printed(code)
	for i, line := range list {
		if after < takes && after < line.after+ownTime*time.Duration(i+1)/time.Duration(len(list)) {
			break
		}
		there = append(there, line.text)
	}
	text := fill(there, r.host, r.ip)
	if len(text) > maxLog {
		text = strings.ToValidUTF8(text[:maxLog], "")
	}
	return text
}
