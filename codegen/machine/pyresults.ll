; Make Python's objects of the slots of a core's outputs.
;
; A part of pycalls.ll, which says what a record, a parameter and a step are.

; Return the float of a slot.
define internal ptr @leaf(i64 %op, ptr %slot) {
  switch i64 %op, label %truth [ i64 0, label %double i64 1, label %single
                                 i64 2, label %long ]
double:
  %d = load double, ptr %slot
  br label %make
single:
  %s = load float, ptr %slot
  %s.wide = fpext float %s to double
  br label %make
long:
  %l = load i64, ptr %slot
  %l.wide = sitofp i64 %l to double
  br label %make
truth:
  %t = load i8, ptr %slot
  %t.wide = uitofp i8 %t to double
  br label %make
make:
  %value = phi double [ %d, %double ], [ %s.wide, %single ], [ %l.wide, %long ],
                      [ %t.wide, %truth ]
  %object = call ptr @PyFloat_FromDouble(double %value)
  ret ptr %object
}

; Return a tuple of the last objects of the stack, which it takes over; null: no memory.
define internal ptr @tuple(ptr %type, i64 %count, ptr %objects) {
  %plain = icmp eq ptr %type, null
  br i1 %plain, label %exact, label %typed
exact:
  %new = call ptr @PyTuple_New(i64 %count)
  br label %made
typed:
  %allocated = call ptr @PyType_GenericAlloc(ptr %type, i64 %count)
  br label %made
made:
  %tuple = phi ptr [ %new, %exact ], [ %allocated, %typed ]
  %failed = icmp eq ptr %tuple, null
  br i1 %failed, label %end, label %fill
fill:
$reset_hash
  %items = getelementptr i8, ptr %tuple, i64 $items
  br label %loop
loop:
  %i = phi i64 [ 0, %fill ], [ %next, %move ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %move, label %end
move:
  %from = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %from
  %to = getelementptr ptr, ptr %items, i64 %i
  store ptr %object, ptr %to
  %next = add i64 %i, 1
  br label %loop
end:
  ret ptr %tuple
}

; Return an array of slots: the caller's, a new one, or null.
define internal ptr @array(ptr %r, ptr %dims, ptr %from, i64 %count, ptr %given) {
  %fresh = icmp eq ptr %given, null
  br i1 %fresh, label %new, label %old
old:
  call void @Py_IncRef(ptr %given)
  br label %made
new:
  %type.at = getelementptr %Record, ptr %r, i32 0, i32 21
  %type = load ptr, ptr %type.at
  %make.at = getelementptr %Record, ptr %r, i32 0, i32 23
  %make = load ptr, ptr %make.at
  %rank = load i64, ptr %dims
  %rank.int = trunc i64 %rank to i32
  %shape = getelementptr i64, ptr %dims, i64 1
  %array.new = call ptr %make(ptr %type, i32 %rank.int, ptr %shape, i32 12, ptr null,
                              ptr null, i32 0, i32 0, ptr null)
  br label %made
made:
  %array = phi ptr [ %given, %old ], [ %array.new, %new ]
  %failed = icmp eq ptr %array, null
  br i1 %failed, label %end, label %copy
copy:
  %data.at = getelementptr i8, ptr %array, i64 16
  %data = load ptr, ptr %data.at
  %bytes = shl i64 %count, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %data, ptr %from, i64 %bytes, i1 false)
  br label %end
end:
  ret ptr %array
}

; Return the results as objects, put together step by step on a stack; null: no memory.
define internal ptr @results(ptr %r, ptr %out, ptr %stack, ptr %given) {
  %steps.at = getelementptr %Record, ptr %r, i32 0, i32 9
  %steps = load ptr, ptr %steps.at
  %count.at = getelementptr %Record, ptr %r, i32 0, i32 10
  %count = load i64, ptr %count.at
  br label %loop
loop:
  %i = phi i64 [ 0, %0 ], [ %next, %done ]
  %top = phi i64 [ 0, %0 ], [ %top.next, %done ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %read, label %end
read:
  %op.at = getelementptr %Step, ptr %steps, i64 %i, i32 0
  %op = load i64, ptr %op.at
  %first.at = getelementptr %Step, ptr %steps, i64 %i, i32 1
  %first = load i64, ptr %first.at
  %size.at = getelementptr %Step, ptr %steps, i64 %i, i32 2
  %size = load i64, ptr %size.at
  %extra.at = getelementptr %Step, ptr %steps, i64 %i, i32 3
  %extra = load ptr, ptr %extra.at
  %slots = getelementptr i64, ptr %out, i64 %first
  switch i64 %op, label %leaves [ i64 4, label %tuple i64 5, label %tuple
                                  i64 6, label %array ]
leaves:
  %j = phi i64 [ 0, %read ], [ %j.next, %pushed ]
  %level = phi i64 [ %top, %read ], [ %level.next, %pushed ]
  %more.leaves = icmp ult i64 %j, %size
  br i1 %more.leaves, label %leaf, label %done
leaf:
  %slot = getelementptr i64, ptr %slots, i64 %j
  %object = call ptr @leaf(i64 %op, ptr %slot)
  %no.leaf = icmp eq ptr %object, null
  br i1 %no.leaf, label %fail, label %pushed
pushed:
  %leaf.at = getelementptr ptr, ptr %stack, i64 %level
  store ptr %object, ptr %leaf.at
  %j.next = add i64 %j, 1
  %level.next = add i64 %level, 1
  br label %leaves
tuple:
  %base = sub i64 %top, %size
  %objects = getelementptr ptr, ptr %stack, i64 %base
  %grouped = call ptr @tuple(ptr %extra, i64 %size, ptr %objects)
  %no.tuple = icmp eq ptr %grouped, null
  br i1 %no.tuple, label %fail, label %push
array:
  %vector = call ptr @array(ptr %r, ptr %extra, ptr %slots, i64 %size, ptr %given)
  %no.array = icmp eq ptr %vector, null
  br i1 %no.array, label %fail, label %push
push:
  %new = phi ptr [ %grouped, %tuple ], [ %vector, %array ]
  %at = phi i64 [ %base, %tuple ], [ %top, %array ]
  %new.at = getelementptr ptr, ptr %stack, i64 %at
  store ptr %new, ptr %new.at
  %above = add i64 %at, 1
  br label %done
done:
  %top.next = phi i64 [ %level, %leaves ], [ %above, %push ]
  %next = add i64 %i, 1
  br label %loop
end:
  %result = load ptr, ptr %stack
  ret ptr %result
fail:
  %held = phi i64 [ %level, %leaf ], [ %top, %tuple ], [ %top, %array ]
  br label %drop
drop:
  %left = phi i64 [ %held, %fail ], [ %fewer, %release ]
  %empty = icmp eq i64 %left, 0
  br i1 %empty, label %failed, label %release
release:
  %fewer = sub i64 %left, 1
  %last.at = getelementptr ptr, ptr %stack, i64 %fewer
  %last = load ptr, ptr %last.at
  call void @Py_DecRef(ptr %last)
  br label %drop
failed:
  ret ptr null
}
