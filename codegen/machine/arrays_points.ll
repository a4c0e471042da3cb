; Call a core over arrays at many points, one after the other.
;
; What a point takes is a block of an array, or a number in a slot of 8 bytes: the one of
; its place. What it gives goes to block k of an array, or to slot k.

; slot: of the core's table; number: whether it is one, not an array; base, step: where
; the first block is, and how many bytes from one to the next; places: which block each
; point takes
%Given = type { i64, i64, ptr, i64, ptr }
%Result = type { i64, i64, ptr, i64 }

; Return 0, or why the core refused a point.
define i32 @overbar_blocks(ptr %core, ptr %in, ptr %out, i64 %points,
                           ptr %givens, i64 %arguments, ptr %results, i64 %values) {
start:
  br label %point

point:
  %k = phi i64 [ 0, %start ], [ %k.next, %written ]
  %more = icmp slt i64 %k, %points
  br i1 %more, label %argument, label %done

argument:
  %i = phi i64 [ 0, %point ], [ %i.next, %given ]
  %more.arguments = icmp slt i64 %i, %arguments
  br i1 %more.arguments, label %take, label %room
take:
  %g = getelementptr %Given, ptr %givens, i64 %i
  %slot = load i64, ptr %g
  %number.at = getelementptr %Given, ptr %g, i32 0, i32 1
  %number = load i64, ptr %number.at
  %base.at = getelementptr %Given, ptr %g, i32 0, i32 2
  %base = load ptr, ptr %base.at
  %step.at = getelementptr %Given, ptr %g, i32 0, i32 3
  %step = load i64, ptr %step.at
  %places.at = getelementptr %Given, ptr %g, i32 0, i32 4
  %places = load ptr, ptr %places.at
  %place.at = getelementptr i64, ptr %places, i64 %k
  %place = load i64, ptr %place.at
  %offset = mul i64 %place, %step
  %block = getelementptr i8, ptr %base, i64 %offset
  %into = getelementptr i64, ptr %in, i64 %slot
  %is.array = icmp eq i64 %number, 0
  br i1 %is.array, label %array, label %value
array:
  store ptr %block, ptr %into
  br label %given
value:
  %word = load i64, ptr %block
  store i64 %word, ptr %into
  br label %given
given:
  %i.next = add i64 %i, 1
  br label %argument

room:
  %j = phi i64 [ 0, %argument ], [ %j.next, %roomed ]
  %more.rooms = icmp slt i64 %j, %values
  br i1 %more.rooms, label %place.result, label %run
place.result:
  %r = getelementptr %Result, ptr %results, i64 %j
  %r.to = call ptr @to(ptr %r, i64 %k)
  %r.number.at = getelementptr %Result, ptr %r, i32 0, i32 1
  %r.number = load i64, ptr %r.number.at
  %r.is.array = icmp eq i64 %r.number, 0
  br i1 %r.is.array, label %give.room, label %roomed
give.room:
  %r.slot = load i64, ptr %r
  %r.at = getelementptr ptr, ptr %out, i64 %r.slot
  store ptr %r.to, ptr %r.at
  br label %roomed
roomed:
  %j.next = add i64 %j, 1
  br label %room

run:
  %status = call i32 %core(ptr %in, ptr %out)
  %refused = icmp ne i32 %status, 0
  br i1 %refused, label %leave, label %number.of

number.of:
  %n = phi i64 [ 0, %run ], [ %n.next, %kept ]
  %more.numbers = icmp slt i64 %n, %values
  br i1 %more.numbers, label %look, label %written
look:
  %s = getelementptr %Result, ptr %results, i64 %n
  %s.number.at = getelementptr %Result, ptr %s, i32 0, i32 1
  %s.number = load i64, ptr %s.number.at
  %s.is.array = icmp eq i64 %s.number, 0
  br i1 %s.is.array, label %kept, label %keep
keep:
  %s.slot = load i64, ptr %s
  %s.at = getelementptr i64, ptr %out, i64 %s.slot
  %s.word = load i64, ptr %s.at
  %s.to = call ptr @to(ptr %s, i64 %k)
  store i64 %s.word, ptr %s.to
  br label %kept
kept:
  %n.next = add i64 %n, 1
  br label %number.of

written:
  %k.next = add i64 %k, 1
  br label %point
leave:
  ret i32 %status
done:
  ret i32 0
}

; Return where a result of point k goes.
define internal ptr @to(ptr %result, i64 %k) {
  %base.at = getelementptr %Result, ptr %result, i32 0, i32 2
  %base = load ptr, ptr %base.at
  %step.at = getelementptr %Result, ptr %result, i32 0, i32 3
  %step = load i64, ptr %step.at
  %offset = mul i64 %k, %step
  %place = getelementptr i8, ptr %base, i64 %offset
  ret ptr %place
}
