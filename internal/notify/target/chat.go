package target

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

type object = map[string]any

// unlinked keeps what somebody typed from becoming a link: there is one in a message, the console's.
func unlinked(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "://", ":\u200b//")
}

// slackBody is a message of blocks. What people typed is plain text, in which Slack looks for no links and mentions.
func slackBody(m Message) any {
	plain := func(text string, limit int) object {
		return object{"type": "plain_text", "text": cut(unlinked(text), limit), "emoji": false}
	}
	blocks := []any{object{"type": "header", "text": plain(m.Title, 150)}}
	var facts []string
	for _, l := range m.Lines {
		facts = append(facts, l.Label+l.Value)
	}
	if len(facts) > 0 {
		blocks = append(blocks, object{"type": "section", "text": plain(strings.Join(facts, "\n"), 3000)})
	}
	if m.Link != "" {
		blocks = append(blocks, object{"type": "actions", "elements": []any{
			object{"type": "button", "text": plain(m.LinkText, 75), "url": m.Link}}})
	}
	return object{"text": slackEscapes.Replace(unlinked(m.Title)), "blocks": blocks}
}

var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// feishuBody is a card, signed where the bot has a secret: the key is made of it, and nothing is the text.
func feishuBody(m Message, secret string, now time.Time) any {
	plain := func(text string) object { return object{"tag": "plain_text", "content": unlinked(text)} }
	var elements []any
	for _, l := range m.Lines {
		elements = append(elements, object{"tag": "div", "text": plain(l.Label + l.Value)})
	}
	if m.Link != "" {
		elements = append(elements, object{"tag": "action", "actions": []any{
			object{"tag": "button", "type": "primary", "text": plain(m.LinkText), "url": m.Link}}})
	}
	body := object{"msg_type": "interactive", "card": object{"config": object{"wide_screen_mode": true},
		"header": object{"title": plain(m.Title)}, "elements": elements}}
	if secret != "" {
		at := strconv.FormatInt(now.Unix(), 10)
		body["timestamp"], body["sign"] = at, sum([]byte(at+"\n"+secret), "")
	}
	return body
}

// maxMarkdown is how many bytes WeCom takes, and about what DingTalk shows.
const maxMarkdown = 4096

// wecomBody is Markdown as WeCom knows it.
func wecomBody(m Message) any {
	return object{"msgtype": "markdown", "markdown": object{"content": markdown(m, "\n")}}
}

// dingTalkBody is Markdown as DingTalk knows it: a paragraph for each line.
func dingTalkBody(m Message) any {
	text := object{"title": cut(unlinked(m.Title), 100), "text": markdown(m, "\n\n")}
	return object{"msgtype": "markdown", "markdown": text}
}

// dingTalkURL has the signature, where the robot has a secret.
func dingTalkURL(address, secret string, now time.Time) string {
	u, err := url.Parse(address)
	if err != nil || secret == "" {
		return address
	}
	at := strconv.FormatInt(now.UnixMilli(), 10)
	q := u.Query()
	q.Set("timestamp", at)
	q.Set("sign", sum([]byte(secret), at+"\n"+secret))
	u.RawQuery = q.Encode()
	return u.String()
}

// markdown is a message in what both know. The facts are cut, not the link.
func markdown(m Message, newline string) string {
	head := "**" + cutBytes(literal(m.Title), maxMarkdown/4) + "**"
	tail := ""
	if m.Link != "" {
		tail = newline + "[" + literal(m.LinkText) + "](" + m.Link + ")"
	}
	var facts strings.Builder
	for _, l := range m.Lines {
		facts.WriteString(newline + "> " + strings.TrimRight(l.Label, " ") + " " + literal(l.Value))
	}
	return head + cutBytes(facts.String(), max(0, maxMarkdown-len(head)-len(tail))) + tail
}

// literal is a text that Markdown takes for what it is. There is no escape that both platforms know, so that signs
// with a meaning become their wide forms.
func literal(text string) string {
	return markdownSigns.Replace(unlinked(strings.Join(strings.Fields(text), " ")))
}

var markdownSigns = strings.NewReplacer("[", "［", "]", "］", "<", "＜", ">", "＞", "*", "＊", "`", "｀", "#", "＃")

// cut shortens a text to so many characters.
func cut(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}

func cutBytes(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	if limit < len("…") {
		return ""
	}
	end := limit - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// judgeFeishu reads an answer: {"code": 0}, or in the former form {"StatusCode": 0}.
func judgeFeishu(answer []byte) error {
	var a struct {
		Code, StatusCode *int
		Msg              string
	}
	if json.Unmarshal(answer, &a) != nil || a.Code == nil && a.StatusCode == nil {
		return &Error{Text: "its answer is not one of Feishu's: is the url right?"}
	}
	code := a.Code
	if code == nil {
		code = a.StatusCode
	}
	if *code == 0 {
		return nil
	}
	return &Error{Text: fmt.Sprintf("it answered with code %d: %s", *code, a.Msg)}
}

// judgeErrcode reads an answer as WeCom and DingTalk have it: {"errcode": 0}.
func judgeErrcode(answer []byte) error {
	var a struct {
		Errcode *int
		Errmsg  string
	}
	if json.Unmarshal(answer, &a) != nil || a.Errcode == nil {
		return &Error{Text: "its answer has no errcode: is the url right?"}
	}
	if *a.Errcode == 0 {
		return nil
	}
	return &Error{Text: fmt.Sprintf("it answered with errcode %d: %s", *a.Errcode, a.Errmsg)}
}
