// pion as a peer of data cases: one RTCPeerConnection on lines of JSON (../party.js says which).
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"lines"

	"github.com/pion/webrtc/v3"
)

const (
	numberBytes   = 4
	letters       = 26
	mark          = "✓"
	markedBytes   = 7
	bufferedBytes = 1 << 18
)

type request struct {
	ID        int                      `json:"id"`
	Do        string                   `json:"do"`
	SDP       string                   `json:"sdp"`
	Candidate *webrtc.ICECandidateInit `json:"candidate"`
	Label     string                   `json:"label"`
	Init      struct {
		Protocol          *string `json:"protocol"`
		Ordered           *bool   `json:"ordered"`
		MaxRetransmits    *uint16 `json:"maxRetransmits"`
		MaxPacketLifeTime *uint16 `json:"maxPacketLifeTime"`
		Negotiated        *bool   `json:"negotiated"`
		ID                *uint16 `json:"id"`
	} `json:"init"`
	Channel int  `json:"channel"`
	Text    bool `json:"text"`
	Length  int  `json:"length"`
	Number  int  `json:"number"`
	Count   int  `json:"count"`
}

// ---- what a message holds: as content.js has it ----

func content(length, number int, text bool) []byte {
	data := make([]byte, length)
	for i := range data {
		data[i] = byte(length*7 + i*31)
		if text {
			data[i] = 'a' + data[i]%letters
		}
	}
	for i := numberBytes - 1; i >= 0 && length >= numberBytes; i-- {
		if text {
			data[i] = 'a' + byte(number%letters)
			number /= letters
		} else {
			data[i] = byte(number)
			number >>= 8
		}
	}
	if text && length >= markedBytes {
		copy(data[length-len(mark):], mark)
	}
	return data
}

func numberIn(data []byte, text bool) int {
	number := 0
	for i := 0; i < numberBytes && len(data) >= numberBytes; i++ {
		if text {
			number = number*letters + int(data[i]) - 'a'
		} else {
			number = number<<8 | int(data[i])
		}
	}
	return number
}

// ---- the connection ----

type peer struct {
	connection *webrtc.PeerConnection
	lock       sync.Mutex
	channels   []*webrtc.DataChannel
}

func factsOf(channel *webrtc.DataChannel) lines.Object {
	return lines.Object{
		"label": channel.Label(), "protocol": channel.Protocol(), "ordered": channel.Ordered(), "maxRetransmits": channel.MaxRetransmits(),
		"maxPacketLifeTime": channel.MaxPacketLifeTime(), "negotiated": channel.Negotiated(), "id": channel.ID(), "readyState": channel.ReadyState().String(),
	}
}

func (p *peer) add(channel *webrtc.DataChannel, isOfPeer bool) int {
	p.lock.Lock()
	number := len(p.channels)
	p.channels = append(p.channels, channel)
	p.lock.Unlock()
	if isOfPeer {
		lines.Say(lines.Object{"event": "channel", "channel": number, "facts": factsOf(channel)})
	}
	channel.OnOpen(func() { lines.Say(lines.Object{"event": "opened", "channel": number}) })
	channel.OnClose(func() { lines.Say(lines.Object{"event": "shut", "channel": number}) })
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		index := numberIn(message.Data, message.IsString)
		intact := bytes.Equal(message.Data, content(len(message.Data), index, message.IsString))
		lines.Say(lines.Object{"event": "message", "channel": number, "text": message.IsString, "length": len(message.Data), "number": index, "intact": intact})
	})
	return number
}

func (p *peer) open() error {
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	connection, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	p.connection = connection
	connection.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate != nil {
			lines.Say(lines.Object{"event": "candidate", "candidate": candidate.ToJSON()})
		}
	})
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		lines.Say(lines.Object{"event": "state", "state": state.String()})
	})
	connection.OnDataChannel(func(channel *webrtc.DataChannel) { p.add(channel, true) })
	return nil
}

func (p *peer) send(r request) error {
	channel := p.at(r.Channel)
	for i := 0; i < r.Count; i++ {
		data, err := content(r.Length, r.Number+i, r.Text), error(nil)
		if r.Text {
			err = channel.SendText(string(data))
		} else {
			err = channel.Send(data)
		}
		if err != nil {
			return err
		}
		for channel.BufferedAmount() > bufferedBytes {
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}

func (p *peer) at(number int) *webrtc.DataChannel {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.channels[number]
}

func (p *peer) describe(description webrtc.SessionDescription, err error) (lines.Object, error) {
	if err != nil {
		return nil, err
	}
	return lines.Object{"sdp": description.SDP}, p.connection.SetLocalDescription(description)
}

func (p *peer) handle(r request) (lines.Object, error) {
	switch r.Do {
	case "open":
		return nil, p.open()
	case "channel":
		init := r.Init
		channel, err := p.connection.CreateDataChannel(r.Label, &webrtc.DataChannelInit{Ordered: init.Ordered, MaxPacketLifeTime: init.MaxPacketLifeTime,
			MaxRetransmits: init.MaxRetransmits, Protocol: init.Protocol, Negotiated: init.Negotiated, ID: init.ID})
		if err != nil {
			return nil, err
		}
		return lines.Object{"channel": p.add(channel, false)}, nil
	case "send":
		return nil, p.send(r)
	case "shut":
		return nil, p.at(r.Channel).Close()
	case "facts":
		return lines.Object{"facts": factsOf(p.at(r.Channel))}, nil
	case "offer":
		return p.describe(p.connection.CreateOffer(nil))
	case "answer":
		if err := p.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: r.SDP}); err != nil {
			return nil, err
		}
		return p.describe(p.connection.CreateAnswer(nil))
	case "accept":
		return nil, p.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.SDP})
	case "candidate":
		if r.Candidate == nil {
			return nil, nil
		}
		return nil, p.connection.AddICECandidate(*r.Candidate)
	case "close":
		return nil, p.connection.Close()
	}
	return nil, fmt.Errorf("nothing is called %q", r.Do)
}

func main() {
	p := &peer{}
	lines.Serve("pion/3.1", func(line []byte) (lines.Object, error) {
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, err
		}
		return p.handle(r)
	}, func(do string) bool { return do == "send" }) // it may have to wait for room
}
