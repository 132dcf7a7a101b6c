// Package veriff is a client of Veriff's public API v1, as far as a reader of
// verification media needs it: the listings of sessions and attempts, the
// documents beside them, and the media themselves.
//
// # Promises
//
//   - Nothing unverified is believed. The signature of every reply is checked
//     over its body, errors included, so that "not found" is Veriff's word too
//     (see [VerifyMode]). A refusal or a server's failure grants nothing, so its
//     status alone is enough.
//   - Media are streamed and hashed on the way, never held whole. Listings and
//     documents are bounded.
//   - A call ends. It is tried again after a failure that may pass, within
//     [Config.Patience] and its context's deadline, and ends at once when the
//     context does.
//   - A call never waits for a moment that the server names (Retry-After). It
//     fails at once, so that it holds nothing meanwhile, and [Later] tells when
//     to ask again.
//   - An answer 429 holds back every request of the Client until then (see
//     [Client.HeldUntil]). A resource that is always answered so, while
//     others are not, soon holds back nobody but itself.
//   - A request that is answered much later than its peers is hedged: it is
//     sent a second time, within Connections and Rate and for 2 % of the
//     requests at most.
//   - The API key and the signatures go to the API's scheme, host and port
//     and nowhere else. No error, log line or number holds them, or a secret.
//
// # Not promised
//
// The bytes need not belong to the id that was asked for: Veriff signs a
// reply's body alone. Nothing is cached, and equal calls are not merged.
//
// # Concurrency
//
// A Client is safe for concurrent use. It starts no goroutine that outlives a
// call. Each of its parts (throttle, hedging, stats) has a lock of its own,
// none is held while another is taken or while anything waits.
package veriff
