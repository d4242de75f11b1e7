-- For wrk: each connection waits 5 to 15 ms between an answer and its next request.
function delay()
  return math.random(5, 15)
end
