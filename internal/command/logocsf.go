package command

import (
	"encoding/json"
	"path"
	"strconv"

	"veriffs/internal/accesslog"
)

// ocsfVersion is the version of the Open Cybersecurity Schema Framework whose
// attributes are used; all are in 1.2 and later.
const ocsfVersion = "1.2.0"

// Numbers of OCSF's File System Activity.
const (
	ocsfClass    = 1001
	ocsfDelete   = 4
	ocsfMount    = 12
	ocsfUnmount  = 13
	ocsfOpen     = 14
	ocsfOther    = 99
	ocsfSHA256   = 3
	ocsfRegular  = 1
	ocsfInformal = 1 // severity
	ocsfMedium   = 3
)

// ocsfActivities are the operations that OCSF has a number for.
var ocsfActivities = map[accesslog.Operation]struct {
	id   int
	name string
}{
	accesslog.OpOpen:    {ocsfOpen, "Open"},
	accesslog.OpMount:   {ocsfMount, "Mount"},
	accesslog.OpUnmount: {ocsfUnmount, "Unmount"},
	accesslog.OpPurge:   {ocsfDelete, "Delete"},
	accesslog.OpEvict:   {ocsfDelete, "Delete"},
	accesslog.OpTeamGC:  {ocsfDelete, "Delete"},
}

type object = map[string]any

// ocsfEvent maps a record to an event of class 1001. What has no place in it is in
// unmapped, under the names that the record has for it.
func ocsfEvent(r *accesslog.Record) object {
	activity, ok := ocsfActivities[r.Operation]
	if !ok {
		activity.id, activity.name = ocsfOther, string(r.Operation)
	}
	event := object{
		"class_uid": ocsfClass, "class_name": "File System Activity", "category_uid": 1, "category_name": "System Activity",
		"activity_id": activity.id, "activity_name": activity.name, "type_uid": ocsfClass*100 + activity.id,
		"type_name": "File System Activity: " + activity.name,
		"time":      r.Time.UnixMilli(),
		"status_id": 1, "status": "Success", "severity_id": ocsfInformal, "severity": "Informational",
		"metadata": object{
			"version": ocsfVersion, "log_name": "veriffs access log", "sequence": r.Sequence,
			"product": object{"name": "veriffs", "vendor_name": "veriffs", "version": r.Version},
		},
		"device": object{"hostname": r.Host, "type_id": 0, "type": "Unknown"},
		"actor":  ocsfActor(r.Caller),
		"file":   ocsfFile(r),
	}
	if r.Outcome != accesslog.Success {
		event["status_id"], event["status"], event["severity_id"], event["severity"] = 2, "Failure", ocsfMedium, "Medium"
		set(event, "status_code", r.Errno)
		set(event, "status_detail", r.Error)
	}
	event["unmapped"] = ocsfUnmapped(r)
	return event
}

func set(o object, name, value string) {
	if value != "" {
		o[name] = value
	}
}

func ocsfActor(c *accesslog.Caller) object {
	if c == nil {
		return object{"app_name": "veriffs"}
	}
	process := object{"user": object{"uid": strconv.FormatUint(uint64(c.UID), 10)}}
	if c.Knows("pid") {
		process["pid"], process["tid"] = c.PID, c.TID
	}
	if c.Knows("ppid") {
		process["parent_process"] = object{"pid": c.PPID}
	}
	set(process, "name", c.Command)
	set(process, "cmd_line", c.Arguments)
	if c.Executable != "" {
		process["file"] = object{"name": path.Base(c.Executable), "path": c.Executable, "type_id": ocsfRegular, "type": "Regular File"}
	}
	actor := object{"process": process, "user": object{"uid": strconv.FormatUint(uint64(c.UID), 10)}}
	if c.Knows("audit_session") && c.AuditID != noLogin {
		actor["session"] = object{"uid": strconv.FormatUint(uint64(c.AuditID), 10)}
	}
	return actor
}

// ocsfFile describes what an operation was on: a file of the mount, a session, or the
// mount itself.
func ocsfFile(r *accesslog.Record) object {
	file := object{"type_id": ocsfRegular, "type": "Regular File"}
	switch {
	case r.Media != "":
		file["name"], file["uid"] = r.Media, r.Media
	case r.Document != "":
		file["name"] = r.Document
	default:
		file["type_id"], file["type"] = 2, "Folder"
		file["name"] = r.Session
		switch {
		case r.Session != "":
		case r.Mountpoint != "":
			file["name"] = path.Base(r.Mountpoint)
		default: // a command, such as one about the log
			file["name"], file["type_id"], file["type"] = "unknown", 0, "Unknown"
		}
	}
	switch {
	case r.Mountpoint == "":
	case r.Document != "":
		file["path"] = path.Join(r.Mountpoint, "metadata", r.Session, r.Document)
	case r.Media != "": // its extension is not recorded
		file["parent_folder"] = path.Join(r.Mountpoint, "sessions", r.Session)
	case r.Session != "":
		file["path"] = path.Join(r.Mountpoint, "sessions", r.Session)
	default:
		file["path"] = r.Mountpoint
	}
	if r.Size > 0 {
		file["size"] = r.Size
	}
	if r.SHA256 != "" {
		file["hashes"] = []object{{"algorithm_id": ocsfSHA256, "algorithm": "SHA-256", "value": r.SHA256}}
	}
	return file
}

// ocsfUnmapped is the record without what the event says elsewhere.
func ocsfUnmapped(r *accesslog.Record) object {
	rest := *r
	rest.Salt, rest.Host, rest.Errno, rest.Error, rest.Size, rest.SHA256, rest.Version = "", "", "", "", 0, "", ""
	if r.Caller != nil {
		c := *r.Caller
		c.Command, c.Executable, c.Arguments = "", "", ""
		rest.Caller = &c
	}
	text, err := json.Marshal(rest)
	if err != nil {
		return object{"error": err.Error()} // a detail that is no JSON
	}
	var all object
	if err := json.Unmarshal(text, &all); err != nil {
		return object{"error": err.Error()}
	}
	for _, name := range []string{"seq", "time", "outcome", "salt"} {
		delete(all, name)
	}
	return all
}
