package target

import "time"

// Body is what is posted to a target of that kind.
func Body(kind Kind, m Message) ([]byte, error) {
	r, err := Address{Kind: kind}.request(m, time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	return encode(r.body)
}
