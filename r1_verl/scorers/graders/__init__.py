"""Published graders of answers, written anew from their rules; and the killable process for what may hang."""
