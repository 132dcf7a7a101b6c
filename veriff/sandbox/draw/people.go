package main

// person is one who doesn't exist: data as in the demonstration set of the
// sandbox, and a look.
type person struct {
	folder              string
	first, last         string
	sex, born, expires  string // dates YYYY-MM-DD
	issued              string
	number, personal    string
	birthplace, address string
	height, eyes        string
	look                look
}

var people = []person{
	{
		folder: "amara", first: "Amara", last: "Okonvale", sex: "F", born: "1991-03-17", issued: "2024-05-10", expires: "2034-05-09",
		number: "L89Q04C36", personal: "UT9103170044", birthplace: "Port Lumen", address: "18 Lantern Quay, Port Lumen", height: "1.71 m", eyes: "Brown",
		look: look{skin: "#8d5a3b", shade: "#5c3421", light: "#b67b55", lip: "#94444a", hair: "#1d130f", hairLight: "#4a3126", brow: "#1d130f", iris: "#5a3216",
			style: "afro", earrings: "#e2b64a", jaw: .92, lashes: true, smile: 1, wear: "blazer", cloth: "#2f6f73", clothDark: "#1f5054", seed: 1},
	},
	{
		folder: "tomas", first: "Tomas", last: "Brandvik", sex: "M", born: "1984-11-02", issued: "2021-08-22", expires: "2031-08-21",
		number: "C4417730K", personal: "UT8411020178", birthplace: "Nordhaven", address: "4 Pilot Lane, Nordhaven", height: "1.86 m", eyes: "Blue",
		look: look{skin: "#f0c7a8", shade: "#c98d6b", light: "#fbe0cb", lip: "#c8776c", hair: "#9a6a34", hairLight: "#d9ab68", brow: "#8a5c2c", iris: "#4f86b0",
			style: "parted", beard: "full", jaw: 1.08, smile: .5, wear: "shirt", cloth: "#5d7fa8", clothDark: "#3d5a80", seed: 2},
	},
	{
		folder: "mei", first: "Mei-Lin", last: "Castellan", sex: "F", born: "2001-07-30", issued: "2026-02-15", expires: "2036-02-14",
		number: "ATL-5520-9184", personal: "7730-1184", birthplace: "Meridian", address: "77 Coralline Street, Meridian", height: "1.63 m", eyes: "Dark brown",
		look: look{skin: "#f3cfae", shade: "#cf9a76", light: "#fde8d3", lip: "#cc5f66", hair: "#15131a", hairLight: "#4b4a60", brow: "#1d1a20", iris: "#3a2416",
			style: "bangs", jaw: .86, lashes: true, smile: .3, wear: "sweater", cloth: "#e0a83c", clothDark: "#b98222", seed: 3},
	},
	{
		folder: "idris", first: "Idris", last: "Halloran", sex: "M", born: "1968-01-25", issued: "2019-10-31", expires: "2029-10-30",
		number: "K30F71P52", personal: "UT6801250311", birthplace: "Saltmarsh", address: "2 Beacon Row, Saltmarsh", height: "1.78 m", eyes: "Hazel",
		look: look{skin: "#b98056", shade: "#81512f", light: "#d9a679", lip: "#9c5348", hair: "#77716c", hairLight: "#d5d1cb", brow: "#5a544e", iris: "#6d5a2c",
			style: "receding", beard: "full", glasses: "#2c2622", age: 2, jaw: 1.05, smile: .2, wear: "blazer", cloth: "#45454f", clothDark: "#2e2e37", seed: 4},
	},
	{
		folder: "sofia", first: "Sofia", last: "Marchetti Lund", sex: "F", born: "1955-09-08", issued: "2017-04-04", expires: "2027-04-03",
		number: "C2091846R", personal: "UT5509080925", birthplace: "Villa Serena", address: "31 Olive Terrace, Villa Serena", height: "1.60 m", eyes: "Green",
		look: look{skin: "#efc3a2", shade: "#c08a68", light: "#fbdcc4", lip: "#b5525c", hair: "#a9a7ab", hairLight: "#f3f1f3", brow: "#8d878a", iris: "#5b8a5f",
			style: "bob", glasses: "#8a2f45", earrings: "#f0ece0", age: 2, jaw: .96, lashes: true, smile: 1.2, wear: "scarf", cloth: "#5b5a86", clothDark: "#413f66", seed: 5},
	},
	{
		folder: "kofi", first: "Kofi", last: "Ansah Reyes", sex: "M", born: "1997-12-19", issued: "2023-06-28", expires: "2033-06-27",
		number: "ATL-8814-0372", personal: "6620-4471", birthplace: "Coral Bay", address: "9 Tamarind Steps, Coral Bay", height: "1.82 m", eyes: "Brown",
		look: look{skin: "#6d4229", shade: "#40230f", light: "#95613f", lip: "#7c3f3a", hair: "#120d0b", hairLight: "#3a2a22", brow: "#120d0b", iris: "#3c2010",
			style: "fade", beard: "goatee", jaw: 1.03, smile: .8, wear: "tee", cloth: "#d8553f", clothDark: "#a83a28", seed: 6},
	},
	{
		folder: "yuki", first: "Yuki", last: "Tanaholm", sex: "X", born: "1979-05-06", issued: "2022-12-02", expires: "2032-12-01",
		number: "C7730551T", personal: "UT7905060561", birthplace: "Kumo Falls", address: "5 Cloudbridge Way, Kumo Falls", height: "1.69 m", eyes: "Grey",
		look: look{skin: "#ecc09a", shade: "#bd8560", light: "#fadcbf", lip: "#bb6a62", hair: "#1f5560", hairLight: "#55a3a6", brow: "#2c2a2c", iris: "#6c7a80",
			style: "sweep", age: 1, jaw: .94, smile: .5, wear: "shirt", cloth: "#e9e4da", clothDark: "#c9c1b2", seed: 7},
	},
}
