package simulator

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// claims is what a token holds.
type claims struct {
	Account string    `json:"a"`
	User    string    `json:"u"`
	Project string    `json:"p,omitempty"` // empty = account scope
	Methods []string  `json:"m"`
	Issued  time.Time `json:"i"`
	Expires time.Time `json:"e"`
}

// tokenLife is the documented validity (docs/coc-api.md section 2.2).
const tokenLife = 24 * time.Hour

var errToken = errors.New("not a token of this service")

// sealer makes and opens tokens. They keep no state: whoever has the seed can
// open them, so they outlive a restart. They look like the real ones, which
// are DER of a CMS structure in base64 (docs/coc-api.md section 2.5).
type sealer struct {
	key  []byte
	aead cipher.AEAD
}

func newSealer(seed uint64) *sealer {
	key := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("token key "), seed))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return &sealer{}
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return &sealer{}
	}
	return &sealer{key[:], aead}
}

// signedData is the object identifier that follows the first header of a CMS
// structure; it makes tokens begin with MII…YJ.
var signedData = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}

const derHeader = 4 // 0x30 0x82 and two bytes of length

// seal returns a token of about size characters.
func (s *sealer) seal(c claims, size int) (string, error) {
	plain, err := json.Marshal(c)
	if err != nil || s.aead == nil {
		return "", errors.Join(errToken, err)
	}
	overhead := derHeader + len(signedData) + s.aead.NonceSize() + s.aead.Overhead()
	if pad := size/4*3 - overhead - len(plain); pad > 0 {
		plain = append(plain, bytes.Repeat([]byte(" "), pad)...)
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write(plain)
	nonce := mac.Sum(nil)[:s.aead.NonceSize()]
	body := s.aead.Seal(append(bytes.Clone(signedData), nonce...), nonce, plain, nil)
	der := binary.BigEndian.AppendUint16([]byte{0x30, 0x82}, uint16(len(body)))
	return strings.ReplaceAll(base64.StdEncoding.EncodeToString(append(der, body...)), "/", "-"), nil
}

// open reads a token; any change of a character is an error.
func (s *sealer) open(token string) (claims, error) {
	var c claims
	if s.aead == nil || strings.ContainsAny(token, "/\r\n") {
		return c, errToken
	}
	der, err := base64.StdEncoding.Strict().DecodeString(strings.ReplaceAll(token, "-", "/"))
	head := derHeader + len(signedData)
	if err != nil || len(der) < head+s.aead.NonceSize() || !bytes.Equal(der[derHeader:head], signedData) ||
		der[0] != 0x30 || der[1] != 0x82 || int(binary.BigEndian.Uint16(der[2:])) != len(der)-derHeader {
		return c, errToken
	}
	body := der[head:]
	plain, err := s.aead.Open(nil, body[:s.aead.NonceSize()], body[s.aead.NonceSize():], nil)
	if err != nil {
		return c, errToken
	}
	if err := json.Unmarshal(plain, &c); err != nil {
		return c, fmt.Errorf("%w: %w", errToken, err)
	}
	return c, nil
}
