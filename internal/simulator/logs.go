package simulator

import (
	"fmt"
	"strings"
	"sync"

	"coc-console/internal/simulator/api"
)

// progress is the log of a script that runs for long.
func progress(p InstanceSpec, lines int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "consistency check of /data on %s\n", p.Host)
	for i := 1; i <= lines; i++ {
		fmt.Fprintf(&b, "checked %5.1f %%  segment %04d of %04d  %d errors\n", float64(i)*100/float64(lines), i*8,
			lines*8, 0)
	}
	b.WriteString("check done")
	return b.String()
}

// hugeLog is just under the limit of 1 MB (docs/coc-api.md section 11). It is
// made once: tests build many simulators.
var hugeLog = sync.OnceValue(func() string {
	const limit = 1<<20 - 1
	var b strings.Builder
	for i := 1; b.Len() < limit-100; i++ {
		fmt.Fprintf(&b, "%07d /data/archive/%04x/part-%05d.parquet crc32 %08x ok\n", i, i>>6, i,
			uint32(api.Hash(fmt.Sprint(i))))
	}
	b.WriteString("archive verified")
	return b.String()
})

// hostileLog is text that must not be believed: markup, terminal colours,
// control characters, text that turns around, and a line without an end.
const hostileLog = "<script>alert('log')</script><img src=x onerror=alert(1)>\n" +
	"\x1b[31mERROR\x1b[0m colours \x1b[1;32mOK\x1b[0m \x1b]0;title\x07\n" +
	"progress 10%\rprogress 100%\n" +
	"bell \x07 null \x00 backspace ab\x08c form feed \x0c delete \x7f\n" +
	"user \u202egnp.exe\u202c zero\u200bwidth \ufeff mark\n" +
	"& &amp; \"quotes\" 'single' `back` ${HOME} {{.}} </pre></textarea>\n" +
	"combining Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319 emoji \U0001f468\u200d\U0001f469\u200d\U0001f467\n"
