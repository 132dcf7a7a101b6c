package sheet

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // the formats that are recognised
	"image/jpeg"
	_ "image/png"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// Limits of a picture on a contact sheet.
const (
	maxPixels   = 40 << 20 // of the original: 160 MB in memory, or 320 with 16 bits a channel
	longEdge    = 640      // of the small one, in pixels
	jpegQuality = 80
)

var errNoPicture = errors.New("not a picture that can be shown here")

// shrink decodes a picture, whatever it claims to be, and draws it anew as a small
// JPEG: nothing else of the file gets through. It returns the original's size.
func shrink(body []byte) (small []byte, width, height int, err error) {
	defer func() {
		if recover() != nil { // a decoder met what its author did not think of
			small, err = nil, errNoPicture
		}
	}()
	config, _, err := image.DecodeConfig(bytes.NewReader(body))
	if err != nil || config.Width <= 0 || config.Height <= 0 {
		return nil, 0, 0, errNoPicture
	}
	if config.Width > maxPixels/config.Height {
		return nil, config.Width, config.Height, fmt.Errorf("a picture of %d × %d pixels, too large to be shown here", config.Width, config.Height)
	}
	picture, _, err := image.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, config.Width, config.Height, errors.New("a damaged picture")
	}
	var b bytes.Buffer
	err = jpeg.Encode(&b, upright(fit(picture), orientation(body)), &jpeg.Options{Quality: jpegQuality})
	return b.Bytes(), config.Width, config.Height, err
}

// fit scales a picture down so that its long edge is longEdge, on white where it
// is transparent.
func fit(from image.Image) *image.RGBA {
	w, h := from.Bounds().Dx(), from.Bounds().Dy()
	if long := max(w, h); long > longEdge {
		w, h = max(1, w*longEdge/long), max(1, h*longEdge/long)
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(to, to.Bounds(), image.White, image.Point{}, draw.Src)
	draw.BiLinear.Scale(to, to.Bounds(), from, from.Bounds(), draw.Over, nil)
	return to
}
