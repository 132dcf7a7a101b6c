package sandbox

// demoSet is the demonstration set, the newest session first. The persons
// are as the generator of the assets draws them.
var demoSet = []demo{
	{
		title: "approved, passport with chip, face and video", status: "approved", folder: "amara",
		person: Person{
			FirstName: "Amara", LastName: "Okonvale", Sex: "F", Born: "1991-03-17", Nationality: "UTO", Country: "UTO",
			DocumentType: "PASSPORT", DocumentNumber: "L89Q04C36", Expires: "2034-05-09", PlaceOfBirth: "Port Lumen", PersonalNumber: "UT9103170044",
		},
		attempts: []demoAttempt{{"2026-06-12T09:14:27.318Z", "approved", []string{
			"document-front=document-front.jpg", "document-front=document-front-2.jpg", "document-front-pre=document-front-pre.jpg",
			"face=face.jpg", "face-pre=face-pre.jpg image/jpg", "face-nfc=face-nfc.jpg",
			"selfid_video=selfid_video.webm", "nfc=nfc.json",
		}}},
	},
	{
		title: "approved, identity card, video in MP4", status: "approved", folder: "tomas",
		person: Person{
			FirstName: "Tomas", LastName: "Brandvik", Sex: "M", Born: "1984-11-02", Nationality: "UTO", Country: "UTO",
			DocumentType: "ID_CARD", DocumentNumber: "C4417730K", Expires: "2031-08-21", PlaceOfBirth: "Nordhaven", PersonalNumber: "UT8411020178",
		},
		attempts: []demoAttempt{{"2026-06-11T16:40:03.002Z", "approved", []string{
			"document-front=document-front.jpg", "document-back=document-back.jpg",
			"face=face.jpg", "selfid_video=selfid_video.mp4",
		}}},
	},
	{
		title: "declined, driving licence, face as PNG", status: "declined", folder: "mei",
		person: Person{
			FirstName: "Mei-Lin", LastName: "Castellan", Sex: "F", Born: "2001-07-30", Nationality: "ATL", Country: "ATL",
			DocumentType: "DRIVERS_LICENSE", DocumentNumber: "ATL-5520-9184", Expires: "2036-02-14", PlaceOfBirth: "Meridian", PersonalNumber: "7730-1184",
		},
		attempts: []demoAttempt{{"2026-06-11T08:05:51.740Z", "declined", []string{
			"document-front=document-front.jpg", "document-back=document-back.jpg", "face=face.png",
		}}},
	},
	{
		title: "approved at the third attempt, passport", status: "approved", folder: "idris",
		person: Person{
			FirstName: "Idris", LastName: "Halloran", Sex: "M", Born: "1968-01-25", Nationality: "UTO", Country: "UTO",
			DocumentType: "PASSPORT", DocumentNumber: "K30F71P52", Expires: "2029-10-30", PlaceOfBirth: "Saltmarsh", PersonalNumber: "UT6801250311",
		},
		attempts: []demoAttempt{
			{"2026-06-10T18:22:40.119Z", "approved", []string{
				"document-front=document-front.jpg", "face=face.jpg", "face-nfc=face-nfc.jpg", "nfc=nfc.json",
			}},
			{"2026-06-10T18:09:12.556Z", "resubmission_requested", []string{
				"document-front=document-front-glare.jpg", "face=face-2.jpg",
			}},
			{"2026-06-09T21:57:30.901Z", "declined", []string{"document-front=document-front-blurred.jpg"}},
		},
	},
	{
		title: "new papers wanted, identity card and a bill as proof of address", status: "resubmission_requested", folder: "sofia",
		person: Person{
			FirstName: "Sofia", LastName: "Marchetti Lund", Sex: "F", Born: "1955-09-08", Nationality: "UTO", Country: "UTO",
			DocumentType: "ID_CARD", DocumentNumber: "C2091846R", Expires: "2027-04-03", PlaceOfBirth: "Villa Serena", PersonalNumber: "UT5509080925",
		},
		attempts: []demoAttempt{{"2026-06-09T11:31:08.473Z", "resubmission_requested", []string{
			"document-front=document-front.jpg", "document-back=document-back.jpg", "face=face.jpg", "address-front=address-front.pdf",
		}}},
	},
	{
		title: "approved, driving licence, pictures in WebP", status: "approved", folder: "kofi",
		person: Person{
			FirstName: "Kofi", LastName: "Ansah Reyes", Sex: "M", Born: "1997-12-19", Nationality: "ATL", Country: "ATL",
			DocumentType: "DRIVERS_LICENSE", DocumentNumber: "ATL-8814-0372", Expires: "2033-06-27", PlaceOfBirth: "Coral Bay", PersonalNumber: "6620-4471",
		},
		attempts: []demoAttempt{{"2026-06-08T14:02:19.285Z", "approved", []string{
			"document-front=document-front.webp", "document-back=document-back.webp", "face=face.webp",
		}}},
	},
	{
		title: "in review, identity card with chip, pictures in HEIC, no time known", status: "review", folder: "yuki",
		person: Person{
			FirstName: "Yuki", LastName: "Tanaholm", Sex: "X", Born: "1979-05-06", Nationality: "UTO", Country: "UTO",
			DocumentType: "ID_CARD", DocumentNumber: "C7730551T", Expires: "2032-12-01", PlaceOfBirth: "Kumo Falls", PersonalNumber: "UT7905060561",
		},
		attempts: []demoAttempt{{"", "review", []string{
			"document-front=document-front.heic", "document-back=document-back.jpg", "face=face.heic",
			"document-and-face=document-and-face.jpg", "face-nfc=face-nfc.png", "nfc=nfc.json",
		}}},
	},
	{
		title: "just started, nothing captured yet", folder: "nobody",
		attempts: []demoAttempt{{"2026-06-12T09:58:00.000Z", "started", nil}},
	},
}
