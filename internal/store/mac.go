package store

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// Sealer authenticates rows. Whoever can write to the database but does not
// have the session key can neither make a row nor change or move one unnoticed.
// An old row that is put back is authentic: the log tells that it is old.
type Sealer struct{ key []byte }

// NewSealer uses key, or for an empty one a key that lasts as long as the process.
func NewSealer(key []byte) Sealer {
	if len(key) == 0 {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
	}
	return Sealer{key: slices.Clone(key)}
}

// mac is the code of a row of that table with those columns, of which the id
// is one.
func (s Sealer) mac(table string, columns ...any) string {
	h := hmac.New(sha256.New, s.key)
	write := func(text string) {
		h.Write(binary.AppendUvarint(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	write(table)
	for _, c := range columns {
		write(fmt.Sprint(c))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (s Sealer) verify(mac, table string, columns ...any) bool {
	return hmac.Equal([]byte(mac), []byte(s.mac(table, columns...)))
}
