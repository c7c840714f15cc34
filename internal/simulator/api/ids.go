// Package api is what the simulated services share: ids that follow from a
// text, the parameters of a query, and refusals with their codes.
package api

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"
)

// Hash is a number that depends on the text alone.
func Hash(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// HexID is a 32-digit id that depends on the text alone.
func HexID(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// ServerID is the resource id of the server with that host name.
func ServerID(host string) string {
	return Dashed(HexID("server/" + host))
}

// Dashed writes a 32-digit id as a UUID.
func Dashed(id string) string {
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// chinaTime is the zone of the times inside ids (docs/coc-api.md section 3).
var chinaTime = time.FixedZone("UTC+8", 8*60*60)

// UUID makes an id of a script (SC…) or a ticket (SCT…) that was created then.
func UUID(prefix string, at time.Time, rng *rand.Rand) string {
	return fmt.Sprintf("%s%s0%08x", prefix, at.In(chinaTime).Format("20060102150405"), rng.Uint32())
}
