package shops

import "fmt"

// perPage is how many products a list page shows.
const perPage = 6

type shop struct {
	Name, Title string
	Slow        bool
	Products    []product
}

type product struct {
	Shop, SKU, Name string
	Cents, Stock    int
}

// Price is the price as shops write it.
func (p product) Price() string { return fmt.Sprintf("€%d.%02d", p.Cents/100, p.Cents%100) }

// Availability is the stock in words.
func (p product) Availability() string {
	if p.Stock == 0 {
		return "sold out"
	}
	return fmt.Sprintf("%d in stock", p.Stock)
}

func (p product) address() string { return "/" + p.Shop + "/product/" + p.SKU }

// Pages is the number of list pages.
func (s shop) Pages() int { return (len(s.Products) + perPage - 1) / perPage }

type list struct {
	Shop           shop
	Number         int
	Products       []product
	Previous, Next string // addresses; empty: there is none
}

func (l list) title() string {
	return fmt.Sprintf("%s, page %d of %d", l.Shop.Title, l.Number, l.Shop.Pages())
}

func (s shop) address(number int) string {
	if number == 1 {
		return "/" + s.Name + "/"
	}
	return fmt.Sprintf("/%s/page/%d", s.Name, number)
}

func (s shop) page(number int) list {
	first := (number - 1) * perPage
	page := list{
		Shop: s, Number: number,
		Products: s.Products[first:min(first+perPage, len(s.Products))],
	}
	if number > 1 {
		page.Previous = s.address(number - 1)
	}
	if number < s.Pages() {
		page.Next = s.address(number + 1)
	}
	return page
}

// stock fills the shelves, always with the same things.
func stock() []shop {
	return []shop{
		{Name: "alder", Title: "Alder Lighting", Products: fill("alder", 3*perPage, "Lamp", "Lantern", "Chandelier")},
		{Name: "birch", Title: "Birch & Sons Seating", Products: fill("birch", 4*perPage, "Chair", "Stool", "Bench", "Sofa")},
		{Name: "cedar", Title: "Cedar Books", Slow: true, Products: fill("cedar", 10*perPage, "Atlas", "Novel", "Almanac", "Cookbook", "Dictionary")},
	}
}

var makes = []string{"Anker", "Bodil", "Cato", "Dagny", "Edda", "Falke", "Greta"}

func fill(name string, count int, kinds ...string) []product {
	products := make([]product, count)
	for i := range products {
		products[i] = product{
			Shop:  name,
			SKU:   fmt.Sprintf("%s-%03d", name, i+1),
			Name:  fmt.Sprintf("%s %s %d", makes[i%len(makes)], kinds[i%len(kinds)], i/len(makes)+1),
			Cents: 999 + (i*i*137+i*1013)%24000,
			Stock: (i*7 + len(name)) % 12,
		}
	}
	return products
}
