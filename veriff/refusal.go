package veriff

// Setting names one setting of a Config, as its errors do.
type Setting string

// The settings that an error may point to.
const (
	SettingURL    Setting = "API URL"
	SettingKey    Setting = "API key"
	SettingSecret Setting = "shared secret"
	settingVerify Setting = "verify mode"
)

// Refusal is what an answer 401 or 403 says of our credentials.
type Refusal struct {
	Cause    string    // the likely one, and what to do
	Settings []Setting // those to check, the likeliest first; none: it is not one of them
}

// refusals are what the codes of an answer 401 mean that is about the
// credentials, by the table of errors in the API's documentation. Here alone
// codes are told apart.
var refusals = map[string]Refusal{
	"1801": {"the API key did not arrive: a proxy may have removed it", []Setting{SettingKey}},
	"1802": {"the API key is not a UUID", []Setting{SettingKey}},
	"1803": {"no integration has this API key: copy the key and the API URL from the same integration's page", []Setting{SettingKey, SettingURL}},
	"1804": {"the integration is switched off: an administrator can switch it on in the customer portal", nil},
	"1812": {"the signature did not arrive whole: a proxy may have changed it", []Setting{SettingSecret, SettingKey}},
	"1818": {"the shared secret does not belong to this API key", []Setting{SettingSecret, SettingKey}},
}

// Refusal says what the answer, one within ErrRefused, says of our
// credentials.
func (e *APIError) Refusal() Refusal {
	if !e.FromAPI() {
		return Refusal{"this is not the API's own answer: something on the way to it, such as a proxy, refuses", []Setting{SettingURL}}
	}
	if r, known := refusals[e.Code]; known {
		return r
	}
	return Refusal{"the API does not say why", []Setting{SettingKey, SettingSecret}}
}

// AboutCredentials reports whether the code means the credentials themselves.
func (e *APIError) AboutCredentials() bool {
	_, known := refusals[e.Code]
	return known
}
