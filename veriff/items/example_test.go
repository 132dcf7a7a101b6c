package items_test

import (
	"fmt"

	"veriffs/veriff/items"
)

// A field of a wrong type costs that field, an item that is none costs that item.
func ExampleDecode() {
	body := `{"status": "success", "images": [{"id": "a", "context": "face", "size": "7"}, {"id": "b", "context": 1}, null]}`
	found, err := items.Decode([]byte(body), map[string]func(items.Item) bool{
		"images": func(i items.Item) bool {
			fmt.Printf("%q %q %d\n", i.ID, i.Context, i.Size)
			return i.ID != ""
		},
	})
	fmt.Println(found.Dropped, found.Status, found.Listing, err)
	// Output:
	// "a" "face" 7
	// "b" "" -1
	// "" "" -1
	// 1 success true <nil>
}
