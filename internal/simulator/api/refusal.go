package api

// Refusal is an error of COC itself, with its text in both languages; the
// Chinese is invented.
type Refusal struct {
	Code, English, Chinese string
}

func (r *Refusal) Error() string { return r.Code + ": " + r.English }

// The codes of docs/coc-api.md section 10.3.
const (
	CodeInvalid  = "COC.00010002"
	CodeEmpty    = "COC.00040050"
	CodeState    = "COC.00040701" // invented for states, batches and instances
	CodeNotFound = "COC.00040709"
)

// Invalid refuses a value that a parameter or field cannot have.
func Invalid() *Refusal {
	return &Refusal{CodeInvalid, "Invalid parameter values.", "参数值无效。"}
}

// Missing refuses a call without a field that it needs.
func Missing(field string) *Refusal {
	return &Refusal{CodeEmpty, field + " must not be empty", field + " 不能为空。"}
}
