package templates

import "context"

type personKey struct{}

// WithPerson returns a context in which posted forms carry the field of whom
// they are rendered for. Parts that several people share are rendered with none.
func WithPerson(ctx context.Context, value string) context.Context {
	return context.WithValue(ctx, personKey{}, value)
}

func personOf(ctx context.Context) string {
	value, _ := ctx.Value(personKey{}).(string)
	return value
}

// OtherPerson says that a form was opened by somebody else than who is signed
// in now, or that it does not say by whom.
type OtherPerson struct {
	Opener, Now string // account/user; Opener is empty where the form did not say
	Refused     bool   // it was a form, and nothing of it was carried out
}
