package sheet

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation returns the Exif orientation of a JPEG, 1 to 8: 1, upright, if it has
// none. Cameras store a picture as the sensor saw it and say how it was held.
func orientation(body []byte) int {
	const none = 1
	if !bytes.HasPrefix(body, []byte{0xff, 0xd8}) {
		return none
	}
	for at := 2; at+4 <= len(body) && body[at] == 0xff && body[at+1] != 0xda; { // until the pixels begin
		length := int(binary.BigEndian.Uint16(body[at+2:]))
		end := at + 2 + length
		if length < 2 || end > len(body) {
			return none
		}
		if tiff, ok := bytes.CutPrefix(body[at+4:end], []byte("Exif\x00\x00")); ok && body[at+1] == 0xe1 {
			return tiffOrientation(tiff)
		}
		at = end
	}
	return none
}

// tiffOrientation finds the orientation in the first directory of Exif data.
func tiffOrientation(b []byte) int {
	const none, tag, entry = 1, 0x0112, 12
	if len(b) < 8 {
		return none
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	first := int64(order.Uint32(b[4:]))
	if first+2 > int64(len(b)) {
		return none
	}
	entries := b[first+2:]
	for n := int(order.Uint16(b[first:])); n > 0 && len(entries) >= entry; n-- {
		if order.Uint16(entries) == tag {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return none
		}
		entries = entries[entry:]
	}
	return none
}

// upright turns a picture as its orientation asks.
func upright(from *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return from
	}
	w, h := from.Bounds().Dx(), from.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	to := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			u, v := x, y
			switch orientation { // the place in from of what is to be at x, y
			case 2:
				u = w - 1 - x
			case 3:
				u, v = w-1-x, h-1-y
			case 4:
				v = h - 1 - y
			case 5:
				u, v = y, x
			case 6:
				u, v = y, h-1-x
			case 7:
				u, v = w-1-y, h-1-x
			case 8:
				u, v = w-1-y, x
			}
			to.SetRGBA(x, y, from.RGBAAt(u, v))
		}
	}
	return to
}
