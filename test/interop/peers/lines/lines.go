// Package lines is what programs with pion have in common: requests come on stdin, answers and events go to stdout, a line of JSON each (../program.js says
// which).
package lines

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
)

// Object is a line, or a part of one.
type Object = map[string]interface{}

const longest = 1 << 20

var output sync.Mutex

// Say writes one line.
func Say(message Object) {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(text))
}

// Serve reads requests until stdin ends. handle is given the whole line; a request that mayWait, by its name, is handled beside the others.
func Serve(version string, handle func(line []byte) (Object, error), mayWait func(do string) bool) {
	Say(Object{"event": "version", "version": version})
	reader := bufio.NewReaderSize(os.Stdin, longest)
	for {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			return
		}
		var head struct {
			ID int    `json:"id"`
			Do string `json:"do"`
		}
		if err := json.Unmarshal(line, &head); err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		answer := func() {
			result, err := handle(line)
			if result == nil {
				result = Object{}
			}
			result["id"] = head.ID
			if err != nil {
				result["error"] = err.Error()
			}
			Say(result)
		}
		if mayWait(head.Do) {
			go answer()
		} else {
			answer()
		}
	}
}
