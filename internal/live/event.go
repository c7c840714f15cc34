package live

import "strings"

// eventText writes a server-sent event.
func eventText(id, name, data string) []byte {
	var b strings.Builder
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + name + "\n")
	data = strings.ReplaceAll(data, "\r", "&#13;") // it would end the line
	for line := range strings.SplitSeq(data, "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteString("\n")
	return []byte(b.String())
}
