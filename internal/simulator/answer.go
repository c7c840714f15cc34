package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// answer is what a call gets. Handlers return it, so that a fault can still
// spoil it.
type answer struct {
	status int
	header map[string]string
	body   []byte
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

// cocError is an error of COC itself; business errors are always 400
// (docs/coc-api.md section 10.2).
type cocErrorBody struct {
	Code    string `json:"error_code"`
	Message string `json:"error_msg"`
}

func cocError(code, message string) answer {
	return jsonAnswer(http.StatusBadRequest, cocErrorBody{code, message})
}

// The codes of docs/coc-api.md section 10.3.
const (
	codeInvalid  = "COC.00010002"
	codeEmpty    = "COC.00040050"
	codeState    = "COC.00040701" // invented for states, batches and instances
	codeNotFound = "COC.00040709"
)

func invalid() answer { return cocError(codeInvalid, "Invalid parameter values.") }

func missing(field string) answer { return cocError(codeEmpty, field+" must not be empty") }

func ticketNotFound() answer { return cocError(codeNotFound, "The script order does not exist.") }

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
		h.Set("X-Request-Id", requestID)
		h.Set("Server", "api-gateway")
	}
	if a.header["Content-Length"] == "" {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	// The client may be gone; nobody is left to tell.
	_, _ = w.Write(a.body)
}
