// Draw makes the assets of the sandbox: specimen documents of countries that
// don't exist, portraits of people who don't, clips of them, chip data and a
// bill. It writes SVG and leaves the rest to rsvg-convert, ImageMagick, cwebp,
// heif-enc and ffmpeg (Debian: librsvg2-bin imagemagick webp
// libheif-examples ffmpeg; fonts-dejavu fonts-urw-base35). Its output is
// committed; it is no part of the program.
//
//	go run ./veriff/sandbox/draw [-only amara] veriff/sandbox/assets
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	only := flag.String("only", "", "draw this person alone")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: draw [-only person] FOLDER")
		os.Exit(2)
	}
	if err := drawAll(flag.Arg(0), *only); err != nil {
		fmt.Fprintln(os.Stderr, "draw:", err)
		os.Exit(1)
	}
}

func drawAll(folder, only string) error {
	work, err := os.MkdirTemp("", "draw")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, p := range people {
		if only != "" && only != p.folder {
			continue
		}
		s := &studio{person: p, work: work, out: filepath.Join(folder, p.folder)}
		if err := os.MkdirAll(s.out, 0o755); err != nil {
			return err
		}
		shoot[p.folder](s)
		if s.err != nil {
			return fmt.Errorf("%s: %w", p.folder, s.err)
		}
	}
	return nil
}

// shoot says which pictures are taken of whom.
var shoot = map[string]func(*studio){
	"amara": func(s *studio) {
		passport := s.png("passport", s.passport(), 1.0)
		s.photo("document-front.jpg", passport, shot{table: "oak", turn: -2.2, quality: 66})
		s.photo("document-front-2.jpg", passport, shot{table: "oak", turn: 3.4, dx: 26, dy: -14, zoom: .94, right: true, quality: 60})
		s.photo("document-front-pre.jpg", passport, shot{table: "oak", turn: -7.5, dx: -60, dy: 30, zoom: .8, soft: 1.2, quality: 56})
		s.face("face.jpg", pose{}, 0, 0, 2, 76, nil)
		s.face("face-pre.jpg", pose{turn: .6, nod: 1}, 46, 30, 1.72, 64, nil)
		s.chip("face-nfc.jpg")
		s.nfcFile()
		s.clip("selfid_video.webm", "-c:v", "libvpx-vp9", "-b:v", "0", "-crf", "40", "-row-mt", "1")
	},
	"tomas": func(s *studio) {
		s.photo("document-front.jpg", s.png("front", s.idFront(), 1.6), shot{table: "slate", turn: 2.6, quality: 62})
		s.photo("document-back.jpg", s.png("back", s.idBack(), 1.6), shot{table: "slate", turn: -1.8, right: true, quality: 62})
		s.face("face.jpg", pose{turn: -.2}, 0, 10, 2, 74, nil)
		s.clip("selfid_video.mp4", "-c:v", "libx264", "-crf", "27", "-preset", "slow", "-movflags", "+faststart")
	},
	"mei": func(s *studio) {
		s.photo("document-front.jpg", s.png("front", s.licenceFront(), 1.6), shot{table: "linen", turn: -3.1, quality: 58})
		s.photo("document-back.jpg", s.png("back", s.licenceBack(), 1.6), shot{table: "linen", turn: 1.4, right: true, quality: 58})
		s.face("face.png", pose{turn: .15}, 0, 0, 2, 0, nil)
	},
	"idris": func(s *studio) {
		passport := s.png("passport", s.passport(), 1.0)
		s.photo("document-front.jpg", passport, shot{table: "walnut", turn: 1.6, quality: 64})
		s.photo("document-front-glare.jpg", passport, shot{table: "walnut", turn: -3, right: true, glare: true, quality: 60})
		s.photo("document-front-blurred.jpg", passport, shot{table: "walnut", turn: 5, dx: 30, zoom: .9, soft: 7, quality: 56})
		s.face("face.jpg", pose{}, 0, 0, 2, 74, nil)
		s.face("face-2.jpg", pose{turn: -.7, smile: -.4}, -70, 46, 2.14, 62, nil)
		s.chip("face-nfc.jpg")
		s.nfcFile()
	},
	"sofia": func(s *studio) {
		s.photo("document-front.jpg", s.png("front", s.idFront(), 1.6), shot{table: "marble", turn: -1.4, quality: 66})
		s.photo("document-back.jpg", s.png("back", s.idBack(), 1.6), shot{table: "marble", turn: 3.2, right: true, quality: 66})
		s.face("face.jpg", pose{turn: .2}, 0, 0, 2, 74, nil)
		s.pdf("address-front.pdf", s.bill())
	},
	"kofi": func(s *studio) {
		s.photo("document-front.webp", s.png("front", s.licenceFront(), 1.6), shot{table: "walnut", turn: 2.2, right: true, quality: 66})
		s.photo("document-back.webp", s.png("back", s.licenceBack(), 1.6), shot{table: "walnut", turn: -2.9, quality: 66})
		s.face("face.webp", pose{turn: -.25}, 0, 0, 2, 76, nil)
	},
	"yuki": func(s *studio) {
		front := s.png("front", s.idFront(), 1.6)
		s.photo("document-front.heic", front, shot{table: "oak", turn: 2.8, quality: 42})
		s.photo("document-back.jpg", s.png("back", s.idBack(), 1.6), shot{table: "oak", turn: -2.4, right: true, quality: 62})
		s.face("face.heic", pose{}, 0, 0, 2, 46, nil)
		s.face("document-and-face.jpg", pose{turn: .35, nod: .5}, -40, -40, 1.8, 74, s.holding(front))
		s.chip("face-nfc.png")
		s.nfcFile()
	},
}

// studio renders and photographs one person's papers. After an error it does
// nothing more.
type studio struct {
	person
	work, out string
	err       error
}

// run runs a tool.
func (s *studio) run(name string, args ...string) {
	if s.err != nil {
		return
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		s.err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
}

// png renders an SVG in the work folder and returns the picture's path.
func (s *studio) png(name, svg string, zoom float64) string {
	source := filepath.Join(s.work, name+".svg")
	if err := os.WriteFile(source, []byte(svg), 0o644); err != nil {
		s.err = errors.Join(s.err, err)
	}
	target := filepath.Join(s.work, name+".png")
	s.run("rsvg-convert", "--zoom", fmt.Sprint(zoom), "-o", target, source)
	return target
}

func (s *studio) pdf(name, svg string) {
	source := filepath.Join(s.work, name+".svg")
	if err := os.WriteFile(source, []byte(svg), 0o644); err != nil {
		s.err = errors.Join(s.err, err)
	}
	s.run("env", "SOURCE_DATE_EPOCH=1780000000", "rsvg-convert", "-f", "pdf", "-o", filepath.Join(s.out, name), source)
}

// shot is how a document is photographed.
type shot struct {
	table        string
	turn         float64 // degrees
	dx, dy       float64 // off the middle
	zoom         float64 // default 1
	soft         float64 // out of focus, pixels
	right, glare bool    // where the light is
	quality      int
}

// photo lays a document on a table, lights it and takes a picture of it.
func (s *studio) photo(name, document string, o shot) {
	if o.zoom == 0 {
		o.zoom = 1
	}
	ground := s.png("table", table(o.table, o.turn*.3), 1)
	lit := s.png("light", light(!o.right, o.glare), 1)
	placed := filepath.Join(s.work, "placed.png")
	// A passport lies with its lower page in the middle; the rest is out of
	// the picture. Far edges are a little shorter than near ones.
	w, h, top := 1370.0, 864.0, 68.0
	if strings.Contains(document, "passport") {
		w, h, top = 1290, 1816, -870
	}
	w, h = w*o.zoom, h*o.zoom
	cx, cy := photoW/2+o.dx, photoH/2+o.dy
	top = cy + (top-photoH/2)*o.zoom
	lean := .012 * w
	corners := [][2]float64{{cx - w/2 + lean, top}, {cx + w/2 - lean, top}, {cx + w/2, top + h}, {cx - w/2, top + h}}
	points := turned(corners, o.turn, cx, cy)
	s.run("convert", document, "-alpha", "set", "-virtual-pixel", "transparent",
		"-set", "option:distort:viewport", fmt.Sprintf("%dx%d+0+0", photoW, photoH), "-distort", "Perspective",
		fmt.Sprintf("0,0 %s %%w,0 %s %%w,%%h %s 0,%%h %s", points[0], points[1], points[2], points[3]), "+repage", placed)
	s.run("convert", ground, "(", placed, "-background", "black", "-shadow", "62x15+9+16", ")",
		"(", placed, "-background", "black", "-shadow", "70x3+1+2", ")", placed, lit, "-layers", "flatten",
		"-blur", fmt.Sprintf("0x%.1f", max(o.soft, .45)), "-seed", fmt.Sprint(s.look.seed), "-attenuate", ".035", "+noise", "Gaussian", filepath.Join(s.work, "shot.png"))
	s.develop(name, filepath.Join(s.work, "shot.png"), o.quality)
}

// face takes a selfie.
func (s *studio) face(name string, po pose, dx, dy, scale float64, quality int, held func(*drawer)) {
	picture := s.png("face", s.selfie(po, dx, dy, scale, "", held), 1)
	if strings.HasSuffix(name, ".png") { // no grain, which PNG can't compress
		s.run("convert", picture, "-resize", "66%", "-blur", "0x.5", "-alpha", "off", "-strip", "-dither", "None", "-colors", "255", "-define", "png:compression-level=9", "PNG8:"+filepath.Join(s.out, name))
		return
	}
	grained := filepath.Join(s.work, "grained.png")
	s.run("convert", picture, "-alpha", "off", "-seed", fmt.Sprint(s.look.seed), "-attenuate", ".03", "+noise", "Gaussian", grained)
	s.develop(name, grained, quality)
}

// develop writes a picture in the format that its name asks for.
func (s *studio) develop(name, picture string, quality int) {
	target, q := filepath.Join(s.out, name), fmt.Sprint(quality)
	switch filepath.Ext(name) {
	case ".webp":
		s.run("cwebp", "-quiet", "-m", "6", "-q", q, picture, "-o", target)
	case ".heic":
		s.run("heif-enc", "-q", q, picture, "-o", target)
	default:
		s.run("convert", picture, "-strip", "-sampling-factor", "4:2:0", "-interlace", "JPEG", "-quality", q, target)
	}
}

// chip writes the picture that is on the chip.
func (s *studio) chip(name string) {
	s.run("convert", s.png("chipface", s.chipFace(), 1), "-alpha", "off", "-strip", "-quality", "80", filepath.Join(s.out, name))
}

// nfcFile writes the data of the chip.
func (s *studio) nfcFile() {
	small := filepath.Join(s.work, "small.jpg")
	s.run("convert", s.png("chipface", s.chipFace(), .5), "-alpha", "off", "-strip", "-quality", "70", small)
	if s.err != nil {
		return
	}
	picture, err := os.ReadFile(small)
	if err == nil {
		var data []byte
		if data, err = s.nfc(picture); err == nil {
			err = os.WriteFile(filepath.Join(s.out, "nfc.json"), data, 0o644)
		}
	}
	s.err = err
}

// clip films four seconds at fifteen pictures a second.
func (s *studio) clip(name string, codec ...string) {
	const frames, rate = 60, 15
	var d drawer
	svgOpen(&d, faceW, faceH)
	background := s.png("room", d.String()+room(s.look.seed)+"</svg>", 1)
	for i := range frames {
		t := float64(i) / frames
		s.png(fmt.Sprintf("frame%03d", i), s.selfie(clipPose(t), 6*clipPose(t).turn, 0, 1.9, filepath.Base(background), nil), .5)
	}
	args := append([]string{"-v", "error", "-y", "-framerate", fmt.Sprint(rate), "-i", filepath.Join(s.work, "frame%03d.png"),
		"-pix_fmt", "yuv420p", "-fflags", "+bitexact", "-map_metadata", "-1"}, codec...)
	s.run("ffmpeg", append(args, filepath.Join(s.out, name))...)
}
