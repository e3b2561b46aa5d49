package scrape

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"scrapelog/domain"
	"scrapelog/eventstore/instances"
)

// settingsFrame is how a server of HTTP/2 begins.
const settingsFrame = "\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00\x00\x05\x00\xff\xff\xff"

func connectFaults(t *testing.T) map[string]fault {
	const limit, start = 300 * time.Millisecond, time.Second + grace
	wrongName := trusted.issue(func(c *x509.Certificate) { c.IPAddresses = nil; c.DNSNames = []string{"elsewhere.test"} })
	expired := trusted.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	onlyH2 := handshake(trusted.issue(), nil)
	onlyH2.tls.NextProtos = []string{"h2c"} // for "h2" crypto/tls makes an exception
	h2AnyWay := handshake(trusted.issue(), func(c *tls.Conn) {
		_, _ = c.Write([]byte(settingsFrame))
		_, _ = c.Read(make([]byte, 4096)) // no preface, so it hangs up
		_ = c.Close()
	})
	wantsCert := handshake(trusted.issue(), nil)
	wantsCert.tls.ClientAuth = tls.RequireAnyClientCert
	return map[string]fault{
		"refused":                         {scenario{url: "http://" + closedPort(t) + "/"}, connecting(domain.CauseRefused).unsent()},
		"an address that is not allowed":  {scenario{url: "http://255.255.255.255:9/"}, failed(domain.CodeRejected).unsent().saying("not sent: the egress rules refuse the address 255.255.255.255")},
		"SYN unanswered":                  {scenario{url: "http://" + fullPort(t) + "/", config: impatient}, connecting(domain.CauseConnectTimeout).unsent().after(limit)},
		"TLS: unknown authority":          {handshake(untrusted.issue(), nil), connecting(domain.CauseTLS).unsent()},
		"TLS: wrong name":                 {handshake(wrongName, nil), connecting(domain.CauseTLS).unsent()},
		"TLS: expired":                    {handshake(expired, nil), connecting(domain.CauseTLS).unsent()},
		"TLS: client certificate wanted":  {wantsCert, connecting(domain.CauseTLS).unsent()},
		"TLS: plain HTTP on the port":     {scenario{scheme: "https", peer: func(p *peer) { p.say("HTTP/1.0 400 Bad Request\r\n\r\n"); p.hang() }}, connecting(domain.CauseTLS).unsent()},
		"TLS: handshake unanswered":       {scenario{scheme: "https", peer: (*peer).hang, config: impatient}, connecting(domain.CauseTLS).unsent().after(limit)},
		"TLS: reset in the handshake":     {scenario{scheme: "https", peer: func(p *peer) { _, _ = p.Read(make([]byte, 1)); p.reset() }}, connecting(domain.CauseReset).unsent()},
		"no response header":              {silent("").withConfig(hurried), connecting(domain.CauseStartTimeout).after(start)},
		"a header that drips":             {dripping(streamHeader+strings.Repeat("x", 1<<10), 50*time.Millisecond).withConfig(hurried), connecting(domain.CauseStartTimeout).after(start)},
		"a header that never ends":        {silent("HTTP/1.1 200 OK\r\nContent-").withConfig(hurried), connecting(domain.CauseStartTimeout).after(start)},
		"request not read":                {scenario{peer: (*peer).hang, config: bigParams}, connecting(domain.CauseStartTimeout).unsent().after(5 * time.Second)},
		"closed before the header":        {answer(""), connecting(domain.CauseEOF)},
		"closed inside the header":        {answer("HTTP/1.1 200 OK\r\n"), connecting(domain.CauseEOF)},
		"closed inside a line of it":      {answer("HTTP/1.1 200 OK\r\nContent-"), connecting(domain.CauseEOF)},
		"closed inside the status line":   {answer("HTTP/1.1 2"), connecting(domain.CauseEOF)},
		"closed after one letter of it":   {answer("H"), connecting(domain.CauseEOF)},
		"closed inside no HTTP":           {answer("SSH-2.0"), connecting(domain.CauseBadResponse)},
		"reset inside a line of it":       {broken("HTTP/1.1 200 OK\r\nContent-", 0), connecting(domain.CauseReset)},
		"reset before the header":         {broken("", 0), connecting(domain.CauseReset)},
		"not HTTP":                        {answer("SSH-2.0-OpenSSH_9.9\r\n"), connecting(domain.CauseBadResponse).saying("the answer was not HTTP (")},
		"not HTTP: our request, echoed":   {answer("POST /scrapes/shop?" + secretQuery + " HTTP/1.1\r\n\r\n"), connecting(domain.CauseBadResponse).saying("the answer was not HTTP (")},
		"a header past 64 KiB":            {answer(streamHeader + "X-Large: " + strings.Repeat("x", 80<<10) + "\r\n\r\n"), failed(domain.CodeProtocol).saying("64 KiB")},
		"HTTP/2 alone is spoken (ALPN)":   {onlyH2, connecting(domain.CauseTLS).unsent().saying("application protocol")},
		"HTTP/2 is spoken, asked or not":  {h2AnyWay, connecting(domain.CauseBadResponse).unsent().saying("the answer was not HTTP (")},
		"HTTP/2 without TLS":              {answer(settingsFrame), connecting(domain.CauseBadResponse).saying("the answer was not HTTP (")},
		"interim answers without end":     {endless("", "HTTP/1.1 103 Early Hints\r\n\r\n"), failed(domain.CodeProtocol).saying("64 KiB")},
		"409 to a recovery run":           {status("409 Conflict").onRecovery(), connecting(domain.CauseBusy)},
		"a variable of headers_env unset": {answer("").withConfig(unsetHeader), failed(domain.CodeRejected).unsent().saying("SCRAPELOG_TEST_UNSET is not set")},
		"64 KiB of no HTTP":               {answer(strings.Repeat("x", 80<<10)), connecting(domain.CauseBadResponse).saying("the answer was not HTTP (")},
		"TLS: closed before the header":   {handshake(trusted.issue(), func(c *tls.Conn) { _, _ = c.Read(make([]byte, 4096)); _ = c.Close() }), connecting(domain.CauseEOF).unsent()},
		"TLS: a whole run over a good one": {handshake(trusted.issue(), func(c *tls.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte(streamHeader + "\r\n" + completed))
		}), done(7).unsent()},
	}
}

func nameFaults() map[string]fault {
	faults := map[string]fault{}
	for name, word := range map[string]string{
		"no such name": "nosuch", "a name without an address": "empty", "server failure": "broken", "server refuses": "unwilling",
		"server knows no such question": "odd", "server hangs up": "gone", "server garbles": "garbled", "server silent": "silent",
	} {
		faults["dns: "+name] = fault{scenario{url: "http://" + word + ".invalid/", config: impatient}, connecting(domain.CauseDNS).unsent().after(300 * time.Millisecond)}
	}
	return faults
}

func answerFaults() map[string]fault {
	faults := map[string]fault{
		"200 with another content type":    {answer("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"), failed(domain.CodeProtocol).saying("text/html")},
		"200 without a content type":       {answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), failed(domain.CodeProtocol).saying("the answer has no content type")},
		"200 with a content encoding":      {answer(streamHeader + "Content-Encoding: gzip\r\n\r\n"), failed(domain.CodeProtocol).saying("gzip")},
		"a secret to sign with unset":      {answer("").withConfig(signedWithout), failed(domain.CodeRejected).unsent().saying("sign_env: environment variable SCRAPELOG_TEST_UNSET is not set")},
		"status 401 to a signed order":     {status("401 Unauthorized").withConfig(signedWith), rejected(401).saying("check that SCRAPELOG_TEST_SIGN_SECRET holds the same secret as the worker's secret_env, and that both clocks agree")},
		"status 401 to an unsigned order":  {status("401 Unauthorized"), rejected(401).saying("set sign_env")},
		"a redirect without a target":      {status("302 Found"), rejected(302)},
		"a redirect to another path":       {status("307 Temporary Redirect", "Location: /scrapes/shop/?key=canary#canary"), rejected(307).saying("/scrapes/shop/")},
		"a redirect to another host":       {status("308 Permanent Redirect", "Location: https://user:canary@shop.example/x%2Fy?key=canary"), rejected(308).saying("a redirect to https://shop.example/x%2Fy")},
		"a redirect that is no address":    {status("302 Found", "Location: http:user:canary@shop.example/"), rejected(302)},
		"a redirect to nonsense":           {status("301 Moved Permanently", "Location: ht!tp://%zz"), rejected(301)},
		"status 500 with a body":           {answer("HTTP/1.1 500 Whatever\r\n\r\n<h1>" + secretQuery), rejected(500)},
		"status 404, a body that hangs":    {silent("HTTP/1.1 404 Whatever\r\nContent-Length: 1000\r\n\r\n<h1>"), rejected(404)},
		"status 404, an endless body":      {endless("HTTP/1.1 404 Whatever\r\n\r\n", secretQuery), rejected(404)},
		"status 503, an endless body":      {endless("HTTP/1.1 503 Whatever\r\n\r\n", secretQuery), connecting(domain.CauseGateway)},
		"200 with the encoding identity":   {answer(streamHeader + "Content-Encoding: identity\r\n\r\n" + completed), done(7)},
		"200 with the encoding None":       {answer(streamHeader + "Content-Encoding: None\r\n\r\n" + completed), done(7)},
		"200 with an empty encoding":       {answer(streamHeader + "Content-Encoding:\r\n\r\n" + completed), done(7)},
		"200 with two that are none":       {answer(streamHeader + "Content-Encoding: identity, none\r\nContent-Encoding: identity\r\n\r\n" + completed), done(7)},
		"200 with one that is and one not": {answer(streamHeader + "Content-Encoding: identity\r\nContent-Encoding: br\r\n\r\n" + completed), failed(domain.CodeProtocol).saying("br")},
		"200 with a parameter twice":       {answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; a=1; a=2\r\n\r\n" + completed), done(7)},
		"200 with two types in a line":     {answer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream, text/plain\r\n\r\n" + completed), failed(domain.CodeProtocol).saying("text/plain")},
		"200 with charset and capitals":    {answer("HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=UTF-8\r\n\r\n" + completed), done(7)},
	}
	for name, malformed := range malformedAnswers() {
		faults["no proper HTTP: "+name] = fault{answer(malformed.answer), failed(domain.CodeProtocol).saying(malformed.detail)}
	}
	for _, code := range []int{408, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 528, 529, 530} {
		w := connecting(domain.CauseGateway).saying(fmt.Sprint(code))
		faults[fmt.Sprintf("status %d", code)] = fault{status(fmt.Sprintf("%d Whatever", code)), w}
	}
	for _, code := range []int{201, 204, 400, 401, 403, 404, 409, 410, 418, 422, 429, 500, 501, 505, 519, 531, 301, 303, 307, 308} {
		faults[fmt.Sprintf("status %d", code)] = fault{status(fmt.Sprintf("%d Whatever", code), "Location: /elsewhere"), rejected(code)}
	}
	return faults
}

// malformedAnswers begin with a status line and go on as no parser should take it.
func malformedAnswers() map[string]struct{ answer, detail string } {
	type m = struct{ answer, detail string }
	const body = "\r\n" + completed
	return map[string]m{
		"Transfer-Encoding identity":           {streamHeader + "Transfer-Encoding: identity\r\n" + body, `"identity"`},
		"Transfer-Encoding gzip":               {streamHeader + "Transfer-Encoding: gzip\r\n" + body, "Transfer-Encoding is not chunked"},
		"Transfer-Encoding gzip, chunked":      {streamHeader + "Transfer-Encoding: gzip, chunked\r\n" + body, "Transfer-Encoding is not chunked"},
		"Transfer-Encoding twice":              {streamHeader + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + body, "Transfer-Encoding"},
		"two different lengths":                {streamHeader + "Content-Length: 5\r\nContent-Length: 6\r\n" + body, "two different values of Content-Length"},
		"a length that is no number":           {streamHeader + "Content-Length: many\r\n" + body, "Content-Length is not a number"},
		"a negative length":                    {streamHeader + "Content-Length: -5\r\n" + body, "Content-Length is not a number"},
		"a header line without a colon":        {"HTTP/1.1 200 OK\r\n" + secretQuery + "\r\n" + body, "a line of its header is malformed"},
		"a header line that begins with blank": {"HTTP/1.1 200 OK\r\n folded: " + secretQuery + "\r\n" + body, "a line of its header is malformed"},
		"a blank in a header's name":           {"HTTP/1.1 200 OK\r\nContent Type: text/event-stream\r\n" + body, "the answer has no content type"},
		"a header without a name":              {"HTTP/1.1 200 OK\r\n: x\r\n" + body, "a line of its header is malformed"},
		"a NUL in a header":                    {"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n" + body, "a line of its header is malformed"},
		"a status that is no number":           {"HTTP/1.1 OK\r\n" + body, "its status line is malformed"},
		"a status of four digits":              {"HTTP/1.1 2000 OK\r\n" + body, "its status line is malformed"},
		"a version that is none":               {"HTTP/1.x 200 OK\r\n" + body, "its status line is malformed"},
		"HTTP in small letters":                {"http/1.1 200 ok\r\nContent-Type: text/event-stream\r\n" + body, "its status line is malformed"},
		"a blank line before the status line":  {"\r\n" + streamHeader + body, "its status line is malformed"},
		"a status line of 80 KiB":              {"HTTP/1.1 200 " + strings.Repeat("x", 80<<10) + "\r\n" + body, "64 KiB"},
		"80 KiB of short header lines":         {streamHeader + strings.Repeat("A: b\r\n", 80<<10/6) + body, "64 KiB"},
		"one after a proper interim answer":    {"HTTP/1.1 103 Early Hints\r\n\r\n" + streamHeader + "Transfer-Encoding: identity\r\n" + body, `"identity"`},
		"an interim answer that is none":       {"HTTP/1.1 103 Early Hints\r\nnonsense\r\n\r\n" + streamHeader + body, "a line of its header is malformed"},
	}
}

func rejected(code int) want {
	w := failed(domain.CodeRejected)
	w.http = code
	return w
}

func streamFaults() map[string]fault {
	const idle = 300*time.Millisecond + grace
	quiet := idling(300 * time.Millisecond)
	beats := streamHeader + "X-Scrape-Beat: 1s\r\nTransfer-Encoding: chunked\r\n\r\n"
	return map[string]fault{
		"clean end after a wrong word":        {answer(streamHeader + "\r\nevent: Completed\ndata: {\"items\":4}\n\n"), streamed(domain.CauseEOF, 1).lastly("Completed").saying("the last event was Completed; the contract's word is completed")},
		"clean end after a blank in the word": {answer(streamHeader + "\r\nevent: failed \ndata: {\"error\":\"no\"}\n\n"), streamed(domain.CauseEOF, 1).lastly("failed ").saying(`the last event was "failed "; the contract's word is failed`)},
		"clean end after a nameless event":    {answer(streamHeader + "\r\ndata: {\"event\":\"completed\",\"items\":4}\n\n"), streamed(domain.CauseEOF, 1).lastly("message").saying("an event without a name")},
		"cut after an event of a long name":   {answer(streamHeader + "Content-Length: 1000\r\n\r\nevent: " + strings.Repeat("x", 99) + "\ndata: {}\n\n"), streamed(domain.CauseTruncated, 1).lastly(strings.Repeat("x", 61) + "…")},
		"cut after an event named for a spy":  {answer(streamHeader + "Content-Length: 1000\r\n\r\nevent: \x1b" + secretQuery + "\ndata: {}\n\n"), streamed(domain.CauseTruncated, 1).lastly(`\x1b[redacted]`)},
		"clean end, no event":                 {answer(chunkedHeader + "0\r\n\r\n"), streamed(domain.CauseEOF, 0)},
		"clean end after events":              {answer(chunkedHeader + chunk(progress+progress) + "0\r\n\r\n"), streamed(domain.CauseEOF, 2)},
		"clean end inside an event":           {answer(chunkedHeader + chunk(progress+"event: comp") + "0\r\n\r\n"), streamed(domain.CauseEOF, 1)},
		"clean end before the last blank":     {answer(chunkedHeader + chunk(strings.TrimSuffix(completed, "\n")) + "0\r\n\r\n"), streamed(domain.CauseEOF, 0)},
		"close-delimited body cut":            {answer(streamHeader + "\r\n" + progress + "event: comp"), streamed(domain.CauseEOF, 1)},
		"HTTP/1.0 body cut":                   {answer("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + progress), streamed(domain.CauseEOF, 1)},
		"chunk cut":                           {answer(chunkedHeader + chunk(progress) + "20\r\nevent"), streamed(domain.CauseTruncated, 1)},
		"cut between chunks":                  {answer(chunkedHeader + chunk(progress)), streamed(domain.CauseTruncated, 1)},
		"cut after the last chunk":            {answer(chunkedHeader + chunk(progress) + "0\r\n"), streamed(domain.CauseTruncated, 1)},
		"length cut":                          {answer(streamHeader + "Content-Length: 1000\r\n\r\n" + progress), streamed(domain.CauseTruncated, 1)},
		"TLS cut without close_notify":        {tlsCut(), streamed(domain.CauseEOF, 1).unsent()},
		"reset":                               {broken(chunkedHeader+chunk(progress), 2), streamed(domain.CauseReset, 1)},
		"reset before the first event":        {broken(chunkedHeader, 1), streamed(domain.CauseReset, 0)},
		"broken chunk header":                 {answer(chunkedHeader + chunk(progress) + "zz\r\n"), streamed(domain.CauseCorrupt, 1)},
		"broken end of a chunk":               {answer(chunkedHeader + "3\r\n: \nzzzz"), streamed(domain.CauseCorrupt, 0)},
		"broken trailer":                      {answer(chunkedHeader + chunk(progress) + "0\r\n" + secretQuery + "\r\n\r\n"), streamed(domain.CauseCorrupt, 1)},
		"a stream that drips, byte by byte":   {dripping(chunkedHeader+chunk(progress+completed), time.Millisecond), done(7)},
		"silence":                             {silent(chunkedHeader + chunk(progress)).withConfig(quiet), streamed(domain.CauseIdleTimeout, 1).after(idle).saying("300ms")},
		"silence from the header on":          {silent(chunkedHeader).withConfig(quiet), streamed(domain.CauseIdleTimeout, 0).after(idle)},
		"beats stop, comments go on":          {commentsOnly(beats + chunk(progress)), streamed(domain.CauseMissedBeats, 1).after(3*time.Second + grace).saying("the last event is 3.")},
		"silence under beats":                 {silent(beats), streamed(domain.CauseMissedBeats, 0).after(3*time.Second + grace).saying("no event came")},
		"terminal event, then reset":          {broken(chunkedHeader+chunk(completed), 2), done(7)},
		"terminal event, then an open stream": {silent(chunkedHeader + chunk(completed)), done(7)},
		"two terminal events":                 {answer(chunkedHeader + chunk(completed+"event: failed\ndata: {\"error\":\"no\"}\n\n") + "0\r\n\r\n"), done(7)},
		"completed over a whole body":         {oneWord("completed", `{"items":7}`), done(7)},
		"completed without items":             {oneWord("completed", `{}`), done(0)},
		"completed: bad JSON":                 {oneWord("completed", `{"items":`), failed(domain.CodeProtocol)},
		"completed: no data":                  {oneWord("completed", ""), failed(domain.CodeProtocol)},
		"completed: negative items":           {oneWord("completed", `{"items":-1}`), failed(domain.CodeProtocol)},
		"completed: a fraction of items":      {oneWord("completed", `{"items":1.5}`), failed(domain.CodeProtocol)},
		"failed":                              {oneWord("failed", `{"error":"the shop is closed"}`), failed(domain.CodeScraperError).saying("the shop is closed")},
		"failed without a reason":             {oneWord("failed", `{}`), failed(domain.CodeScraperError).saying("no reason")},
		"failed: with our query in it":        {oneWord("failed", `{"error":"GET /x?`+secretQuery+`\u001b[31m\u202e`+strings.Repeat("é", 600)+`"}`), failed(domain.CodeScraperError).saying(`[redacted]\x1b[31m\u202e`)},
		"failed: not an object":               {oneWord("failed", `"no"`), failed(domain.CodeProtocol)},
		"garbage between events":              {answer(chunkedHeader + chunk("\xff\x00garbage\n\ndata: {broken\xc3\n\n"+completed) + "0\r\n\r\n"), done(7)},
		"an event past 256 KiB":               {answer(chunkedHeader + chunk("data: "+strings.Repeat("x", maxEvent)+"\n\n"+completed) + "0\r\n\r\n"), failed(domain.CodeProtocol).saying("256 KiB")},
		"a stream past 256 MiB":               {endless(streamHeader+"\r\n", ": "+strings.Repeat("x", 100)+"\n\n"), failed(domain.CodeProtocol).saying("256 MiB").after(time.Minute)},
		"past max_duration":                   {silent(chunkedHeader).withConfig(shortLife), failed(domain.CodeTimeout).after(time.Second).saying("max_duration 1s")},
		"our graceful stop":                   {ended(errStopped), streamed("", 1).stopped()},
		"ended otherwise: cancelled":          {ended(errEnded), want{posts: 1}},
		"our own death":                       {ended(instances.ErrMarkedDead), want{posts: 1}},
	}
}

// TestFaults injects every fault of the table and prints what was recorded.
func TestFaults(t *testing.T) {
	var table sync.Map
	t.Setenv("SCRAPELOG_TEST_SIGN_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	t.Run("inject", func(t *testing.T) {
		for _, faults := range []map[string]fault{connectFaults(t), nameFaults(), answerFaults(), streamFaults()} {
			for name, f := range faults {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					c, posts, took := f.run(t)
					table.Store(name, f.want.row(c, took))
					f.want.check(t, c, posts, took)
				})
			}
		}
	})
	t.Log("\n" + printTable(&table))
}
