; A builtin function's code over columns of points: NumPy's vectors in, vectors filled.
;
; Arguments are the inputs, then the results, each a numpy.ndarray of one axis and of
; float64, all of one length; results in C order and to be written to, and sharing no
; memory with anything else. What differs stands in a record, that the function finds
; through its `self`, a tuple whose first item is a bytes object. The answer is whether
; all arguments are so, and the points were computed.

%Record = type {
  ptr, ; 0 points: void (ptr in, ptr steps, ptr out, i64 start, i64 stop)
  i64, ; 1 number of inputs
  i64, ; 2 number of inputs and results
  ptr, ; 3 numpy.ndarray
  ptr, ; 4 numpy.dtype("float64")
  ptr, ; 5 True
  ptr  ; 6 False
}

declare void @Py_IncRef(ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)

; Return a field of the record.
define internal ptr @field(ptr %r, i64 %place) {
  %at = getelementptr ptr, ptr %r, i64 %place
  %value = load ptr, ptr %at
  ret ptr %value
}

; METH_FASTCALL
define ptr @overbar_pycolumns(ptr %self, ptr %args, i64 %given) {
  %in = alloca [$most x ptr], align 16
  %steps = alloca [$most x i64], align 16
  %starts = alloca [$most x i64], align 16
  %ends = alloca [$most x i64], align 16
  %record.at = getelementptr i8, ptr %self, i64 $items
  %record = load ptr, ptr %record.at
  %r = getelementptr i8, ptr %record, i64 $bytes
  %inputs.at = getelementptr %Record, ptr %r, i32 0, i32 1
  %inputs = load i64, ptr %inputs.at
  %all.at = getelementptr %Record, ptr %r, i32 0, i32 2
  %all = load i64, ptr %all.at
  %array = call ptr @field(ptr %r, i64 3)
  %float64 = call ptr @field(ptr %r, i64 4)
  %complete = icmp eq i64 %given, %all
  br i1 %complete, label %next, label %no

next:
  %i = phi i64 [ 0, %0 ], [ %i.next, %fits ]
  %count = phi i64 [ 0, %0 ], [ %length, %fits ]
  %object.at = getelementptr ptr, ptr %args, i64 %i
  %object = load ptr, ptr %object.at
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  %is.array = icmp eq ptr %type, %array
  br i1 %is.array, label %read, label %no
read:
  %rank.at = getelementptr i8, ptr %object, i64 24
  %rank = load i32, ptr %rank.at
  %descr.at = getelementptr i8, ptr %object, i64 56
  %descr = load ptr, ptr %descr.at
  %flags.at = getelementptr i8, ptr %object, i64 64
  %flags = load i32, ptr %flags.at
  %is.input = icmp slt i64 %i, %inputs
  %wanted = select i1 %is.input, i32 $aligned, i32 $own
  %known = and i32 %flags, %wanted
  %right.flags = icmp eq i32 %known, %wanted
  %right.rank = icmp eq i32 %rank, 1
  %right.dtype = icmp eq ptr %descr, %float64
  %right.kind = and i1 %right.rank, %right.dtype
  %right = and i1 %right.kind, %right.flags
  br i1 %right, label %measure, label %no
measure:
  %data.at = getelementptr i8, ptr %object, i64 16
  %data = load i64, ptr %data.at
  %shape.at = getelementptr i8, ptr %object, i64 32
  %shape = load ptr, ptr %shape.at
  %length = load i64, ptr %shape
  %strides.at = getelementptr i8, ptr %object, i64 40
  %strides = load ptr, ptr %strides.at
  %stride = load i64, ptr %strides
  %step = select i1 %is.input, i64 %stride, i64 8
  %first = icmp eq i64 %i, 0
  %equal = icmp eq i64 %length, %count
  %right.length = or i1 %first, %equal
  %some = icmp sgt i64 %length, 0
  %moves = icmp ne i64 %step, 0 ; one number for all points goes another way
  %whole = and i1 %right.length, %some
  %fine = and i1 %whole, %moves
  br i1 %fine, label %fits, label %no
fits:
  %last = sub i64 %length, 1
  %way = mul i64 %last, %step
  %far = add i64 %data, %way
  %up = icmp sge i64 %step, 0
  %start = select i1 %up, i64 %data, i64 %far
  %top = select i1 %up, i64 %far, i64 %data
  %end = add i64 %top, 8
  %in.at = getelementptr i64, ptr %in, i64 %i
  store i64 %data, ptr %in.at
  %step.at = getelementptr i64, ptr %steps, i64 %i
  store i64 %step, ptr %step.at
  %start.at = getelementptr i64, ptr %starts, i64 %i
  store i64 %start, ptr %start.at
  %end.at = getelementptr i64, ptr %ends, i64 %i
  store i64 %end, ptr %end.at
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i.next, %all
  br i1 %more, label %next, label %result

result: ; shares no memory with what stands before it
  %k = phi i64 [ %inputs, %fits ], [ %k.next, %apart ]
  %left = icmp slt i64 %k, %all
  br i1 %left, label %begin, label %run
begin:
  %k.start.at = getelementptr i64, ptr %starts, i64 %k
  %k.start = load i64, ptr %k.start.at
  %k.end.at = getelementptr i64, ptr %ends, i64 %k
  %k.end = load i64, ptr %k.end.at
  %k.next = add i64 %k, 1
  br label %other
other:
  %j = phi i64 [ 0, %begin ], [ %j.next, %clear ]
  %j.left = icmp slt i64 %j, %k
  br i1 %j.left, label %compare, label %apart
compare:
  %j.start.at = getelementptr i64, ptr %starts, i64 %j
  %j.start = load i64, ptr %j.start.at
  %j.end.at = getelementptr i64, ptr %ends, i64 %j
  %j.end = load i64, ptr %j.end.at
  %below = icmp ule i64 %k.end, %j.start
  %above = icmp ule i64 %j.end, %k.start
  %free = or i1 %below, %above
  br i1 %free, label %clear, label %no
clear:
  %j.next = add i64 %j, 1
  br label %other
apart:
  br label %result

run:
  %points = call ptr @field(ptr %r, i64 0)
  %out = getelementptr ptr, ptr %in, i64 %inputs
  %thread = call ptr @PyEval_SaveThread()
  call void %points(ptr %in, ptr %steps, ptr %out, i64 0, i64 %count)
  call void @PyEval_RestoreThread(ptr %thread)
  %true = call ptr @field(ptr %r, i64 5)
  call void @Py_IncRef(ptr %true)
  ret ptr %true
no:
  %false = call ptr @field(ptr %r, i64 6)
  call void @Py_IncRef(ptr %false)
  ret ptr %false
}
