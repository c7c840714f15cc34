package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"coc-console/internal/simulator/api"
)

// answer is what a call gets. Handlers return it, so that a fault can still
// alter it.
type answer struct {
	status int
	header map[string]string
	body   []byte
	zh     []byte // the body for readers of Chinese; nil: the same
}

const (
	jsonType = "application/json;charset=UTF-8"
	htmlType = "text/html; charset=utf-8"
)

func jsonAnswer(status int, body any) answer {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return answer{status: http.StatusInternalServerError, header: map[string]string{}, body: []byte(err.Error())}
	}
	return answer{status: status, header: map[string]string{"Content-Type": jsonType}, body: bytes.TrimSpace(b.Bytes())}
}

// data is an answer in COC's wrapping (docs/coc-api.md section 4).
func data(v any) answer {
	return jsonAnswer(http.StatusOK, struct {
		Data any `json:"data"`
	}{v})
}

// cocErrorBody is an error of COC itself; business errors are always 400
// (docs/coc-api.md section 10.2).
type cocErrorBody struct {
	Code    string `json:"error_code"`
	Message string `json:"error_msg"`
}

// Its text is in the language of X-Language; the Chinese is invented.
func cocError(code, en, zh string) answer {
	a := jsonAnswer(http.StatusBadRequest, cocErrorBody{code, en})
	a.zh = jsonAnswer(http.StatusBadRequest, cocErrorBody{code, zh}).body
	return a
}

// in is the answer in the language that a call asks for.
func (a answer) in(c *call) answer {
	if a.zh != nil {
		a.body, a.zh = []byte(c.say(string(a.body), string(a.zh))), nil
	}
	return a
}

// refused is the answer that a refusal leads to.
func refused(r *api.Refusal) answer { return cocError(r.Code, r.English, r.Chinese) }

func invalid() answer { return refused(api.Invalid()) }

func missing(field string) answer { return refused(api.Missing(field)) }

func ticketNotFound() answer {
	return cocError(api.CodeNotFound, "The script order does not exist.", "脚本工单不存在。")
}

// gatewayBody is an error of the API gateway (docs/coc-api.md section 10.1).
type gatewayBody struct {
	Message   string `json:"error_msg"`
	Code      string `json:"error_code"`
	RequestID string `json:"request_id"`
	Denial    string `json:"encoded_authorization_message,omitempty"`
}

func (c *call) gateway(status int, code, message string) answer {
	return jsonAnswer(status, gatewayBody{Message: message, Code: code, RequestID: c.requestID})
}

// keystone is the error shape of IAM (docs/coc-api.md section 2.4).
func keystone(status int, message string) answer {
	type inner struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Title   string `json:"title"`
	}
	return jsonAnswer(status, map[string]inner{"error": {status, message, http.StatusText(status)}})
}

func (a answer) write(w http.ResponseWriter, requestID string) {
	h := w.Header()
	for name, value := range a.header {
		h.Set(name, value)
	}
	if requestID != "" { // not of the admin address
		if a.header["X-Request-Id"] == "" {
			h.Set("X-Request-Id", requestID)
		}
		h.Set("Server", "api-gateway")
	}
	if a.header["Content-Length"] == "" {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	// The client may be gone; nobody is left to tell.
	_, _ = w.Write(a.body)
}
