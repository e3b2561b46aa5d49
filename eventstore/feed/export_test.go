package feed

var MessageOf = messageOf
