// pion as a peer: one RTCPeerConnection on lines of JSON (../program.js says which). It neither encodes nor decodes: it sends stamped.ivf and
// tone.ogg again and again, and records what it receives.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lines"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v3"
	"github.com/pion/webrtc/v3/pkg/media"
	"github.com/pion/webrtc/v3/pkg/media/ivfreader"
	"github.com/pion/webrtc/v3/pkg/media/ivfwriter"
	"github.com/pion/webrtc/v3/pkg/media/oggreader"
	"github.com/pion/webrtc/v3/pkg/media/oggwriter"
)

const keyFrameInterval = time.Second // asked for, so that a recording can begin

type request struct {
	ID         int                      `json:"id"`
	Do         string                   `json:"do"`
	SDP        string                   `json:"sdp"`
	Candidate  *webrtc.ICECandidateInit `json:"candidate"`
	ICEServers []webrtc.ICEServer       `json:"iceServers"`
	Media      []string                 `json:"media"`
	Folder     string                   `json:"folder"`
	Canned     map[string]string        `json:"canned"`
}

type peer struct {
	connection *webrtc.PeerConnection
	folder     string
	lock       sync.Mutex
	received   map[string]int // packets, by kind
	codecs     map[string]string
	writers    []io.Closer
}

// ---- what it sends ----

func readPictures(path string) (frames [][]byte, interval time.Duration, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	reader, header, err := ivfreader.NewWith(file)
	if err != nil {
		return nil, 0, err
	}
	for {
		frame, _, err := reader.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			return frames, time.Second * time.Duration(header.TimebaseNumerator) / time.Duration(header.TimebaseDenominator), nil
		}
		if err != nil {
			return nil, 0, err
		}
		frames = append(frames, frame)
	}
}

func readSound(path string) (pages [][]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, _, err := oggreader.NewWith(file)
	if err != nil {
		return nil, err
	}
	for number := 0; ; number++ {
		page, _, err := reader.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return pages, nil
		}
		if err != nil {
			return nil, err
		}
		if number > 0 { // after the tags
			pages = append(pages, page)
		}
	}
}

func play(track *webrtc.TrackLocalStaticSample, samples [][]byte, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for _, sample := range samples {
		<-ticker.C
		if track.WriteSample(media.Sample{Data: sample, Duration: interval}) != nil {
			return
		}
	}
}

func (p *peer) send(kind, mime, canned string) (func(), error) {
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, kind, "pion")
	if err != nil {
		return nil, err
	}
	sender, err := p.connection.AddTrack(track)
	if err != nil {
		return nil, err
	}
	go func() { // reports have to be read, or they block what computes them
		for {
			if _, _, err := sender.ReadRTCP(); err != nil {
				return
			}
		}
	}()
	samples, interval := [][]byte(nil), 20*time.Millisecond
	if kind == "video" {
		samples, interval, err = readPictures(canned)
	} else {
		samples, err = readSound(canned)
	}
	return func() { play(track, samples, interval) }, err
}

// ---- what arrives ----

func (p *peer) record(track *webrtc.TrackRemote) {
	kind := track.Kind().String()
	path := filepath.Join(p.folder, "peer-"+kind)
	video, errVideo := (*ivfwriter.IVFWriter)(nil), error(nil)
	audio, errAudio := (*oggwriter.OggWriter)(nil), error(nil)
	if kind == "video" {
		video, errVideo = ivfwriter.New(path + ".ivf")
		go p.wantKeyFrames(track)
	} else {
		audio, errAudio = oggwriter.New(path+".ogg", 48000, 2)
	}
	if errVideo != nil || errAudio != nil {
		fmt.Fprintln(os.Stderr, errVideo, errAudio)
		return
	}
	p.lock.Lock()
	p.codecs[kind] = track.Codec().MimeType
	if video != nil {
		p.writers = append(p.writers, video)
	} else {
		p.writers = append(p.writers, audio)
	}
	p.lock.Unlock()
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		p.lock.Lock()
		p.received[kind]++
		if video != nil {
			err = video.WriteRTP(packet)
		} else {
			err = audio.WriteRTP(packet)
		}
		p.lock.Unlock()
		if err != nil {
			fmt.Fprintln(os.Stderr, "recording:", err)
		}
	}
}

func (p *peer) wantKeyFrames(track *webrtc.TrackRemote) {
	for range time.Tick(keyFrameInterval) {
		if p.connection.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}}) != nil {
			return
		}
	}
}

// ---- the connection ----

func (p *peer) open(r request) error {
	connection, err := webrtc.NewPeerConnection(webrtc.Configuration{ICEServers: r.ICEServers})
	if err != nil {
		return err
	}
	p.connection, p.folder = connection, r.Folder
	connection.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			lines.Say(lines.Object{"event": "candidate", "candidate": nil})
			return
		}
		lines.Say(lines.Object{"event": "candidate", "candidate": candidate.ToJSON()})
	})
	starts := []func(){}
	for _, kind := range r.Media {
		mime := map[string]string{"audio": webrtc.MimeTypeOpus, "video": webrtc.MimeTypeVP8}[kind]
		start, err := p.send(kind, mime, r.Canned[kind])
		if err != nil {
			return err
		}
		starts = append(starts, start)
	}
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.record(track) })
	var once sync.Once
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		lines.Say(lines.Object{"event": "state", "state": state.String()})
		if state == webrtc.PeerConnectionStateConnected {
			once.Do(func() {
				for _, start := range starts {
					go start()
				}
			})
		}
	})
	return nil
}

func (p *peer) offer() (lines.Object, error) {
	offer, err := p.connection.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	return lines.Object{"sdp": offer.SDP}, p.connection.SetLocalDescription(offer)
}

func (p *peer) answer(sdp string) (lines.Object, error) {
	if err := p.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
		return nil, err
	}
	answer, err := p.connection.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	return lines.Object{"sdp": answer.SDP}, p.connection.SetLocalDescription(answer)
}

func (p *peer) measure() (lines.Object, error) {
	stats := []interface{}{}
	for _, entry := range p.connection.GetStats() {
		stats = append(stats, entry)
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	return lines.Object{"stats": stats, "received": p.received, "codecs": p.codecs}, nil
}

func (p *peer) finishRecordings() {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, one := range p.writers {
		one.Close()
	}
}

func (p *peer) handle(r request) (lines.Object, error) {
	if r.Do == "open" {
		return nil, p.open(r)
	}
	if p.connection == nil {
		return nil, errors.New("there is no connection yet")
	}
	switch r.Do {
	case "offer":
		return p.offer()
	case "answer":
		return p.answer(r.SDP)
	case "accept":
		return nil, p.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.SDP})
	case "candidate":
		if r.Candidate == nil {
			return nil, nil // pion knows no end of candidates by trickle
		}
		return nil, p.connection.AddICECandidate(*r.Candidate)
	case "measure":
		return p.measure()
	case "close":
		return nil, p.connection.Close()
	}
	return nil, fmt.Errorf("nothing is called %q", r.Do)
}

func main() {
	p := &peer{received: map[string]int{}, codecs: map[string]string{}}
	lines.Serve("pion/3.1", func(line []byte) (lines.Object, error) {
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		return p.handle(r)
	}, func(string) bool { return false })
	p.finishRecordings()
}
