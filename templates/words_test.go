package templates

import (
	"bytes"
	"testing"
)

// TestLongNamesBreakBetweenWords holds where a long name may break, and that nothing else of it changes.
func TestLongNamesBreakBetweenWords(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "<bdi></bdi>"},
		{"nginx_reload", "<bdi>nginx_reload</bdi>"},
		{"192.168.100.100", "<bdi>192.168.100.100</bdi>"},
		{"see /var/lib/app <b>", "<bdi>see /var/lib/app &lt;b&gt;</bdi>"},
		{"Quarterly_Reporting_Database", "<bdi>Quarterly_<wbr>Reporting_<wbr>Database</bdi>"},
		{"reload  kubernetes.node.drain.and.cordon\n", "<bdi>reload  kubernetes.<wbr>node.<wbr>drain.<wbr>and.<wbr>cordon\n</bdi>"},
		{"https://tickets.example.com/CHG-20417", "<bdi>https://<wbr>tickets.<wbr>example.<wbr>com/<wbr>CHG-20417</bdi>"},
		{"a.b-c.wolkenstein@<example>.com", "<bdi>a.<wbr>b-c.<wbr>wolkenstein@&lt;example&gt;.<wbr>com</bdi>"},
		{"RotateLoadBalancerCertificates", "<bdi>Rotate<wbr>Load<wbr>Balancer<wbr>Certificates</bdi>"},
		{"重启生产环境订单支付网关服务并校验健康检查", "<bdi>重启生产环境订单支付网关服务并校验健康检查</bdi>"},
	} {
		var b bytes.Buffer
		if err := bdi(tt.text).Render(t.Context(), &b); err != nil || b.String() != tt.want {
			t.Errorf("%q: %s, want %s; error %v", tt.text, b.String(), tt.want, err)
		}
	}
}
