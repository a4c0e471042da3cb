; A builtin function's code: Python objects in, a core, Python objects out.
;
; One piece of code serves every function. What differs stands in a record, that the
; function finds through its `self`, a tuple whose first item is a bytes object. What
; does not fit exactly is handed to the fallback, with the arguments as they came.

%Record = type {
  ptr, ; 0 core: void (ptr in, ptr out)
  ptr, ; 1 fallback: a callable object
  i64, ; 2 number of parameters
  ptr, ; 3 parameters: array of %Parameter
  ptr, ; 4 names: array of interned strings
  ptr, ; 5 places: the slot of each element given, null where they are in order
  i64, ; 6 slots of the inputs
  i64, ; 7 words of inputs, outputs and of the stack of results
  i64, ; 8 word where the stack of results begins
  ptr, ; 9 steps: array of %Step
  i64, ; 10 number of steps
  i64, ; 11 1 where the only parameter is a vector that is `in` as it stands
  i64, ; 12 1 where other threads may run meanwhile
  ptr, ; 13 the name "out", null where there is no such parameter
  i64, ; 14 elements of `out`
  ptr, ; 15 float
  ptr, ; 16 numpy.float64
  ptr, ; 17 int
  ptr, ; 18 bool
  ptr, ; 19 True
  ptr, ; 20 None
  ptr, ; 21 numpy.ndarray
  ptr, ; 22 dtype('float64')
  ptr  ; 23 PyArray_New
}
; kind: 0 float64, 1 float32, 2 int64, 3 bool, 4 a vector of `size` float64
%Parameter = type { i64, i64 }
; op: 0 to 3 as the kinds above: floats from `count` slots; 4 tuple and 5 named tuple of
; the last `count` results; 6 array of `count` slots. Then: op, first slot, count, and
; the named tuple's type, or of an array the number of dimensions and then these.
%Step = type { i64, i64, i64, ptr }

declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyFloat_FromDouble(double)
declare double @PyLong_AsDouble(ptr)
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyErr_Occurred()
declare void @PyErr_Clear()
declare ptr @PyErr_NoMemory()
declare ptr @PyTuple_New(i64)
declare ptr @PyType_GenericAlloc(ptr, i64)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare double @llvm.fabs.f64(double)

; Write a Python number to a slot; return whether it is one of the kind.
define internal i1 @number(ptr %r, i64 %kind, ptr %object, ptr %slot) {
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  %float.at = getelementptr %Record, ptr %r, i32 0, i32 15
  %float = load ptr, ptr %float.at
  %float64.at = getelementptr %Record, ptr %r, i32 0, i32 16
  %float64 = load ptr, ptr %float64.at
  %int.at = getelementptr %Record, ptr %r, i32 0, i32 17
  %int = load ptr, ptr %int.at
  %bool.at = getelementptr %Record, ptr %r, i32 0, i32 18
  %bool = load ptr, ptr %bool.at
  %is.float = icmp eq ptr %type, %float
  %is.float64 = icmp eq ptr %type, %float64
  %is.int = icmp eq ptr %type, %int
  %is.bool = icmp eq ptr %type, %bool
  %floating = or i1 %is.float, %is.float64
  %whole = or i1 %is.int, %is.bool
  switch i64 %kind, label %no [ i64 0, label %double i64 1, label %single
                                i64 2, label %long i64 3, label %truth ]

double:
  br i1 %floating, label %double.read, label %double.int
double.read:
  %value.at = getelementptr i8, ptr %object, i64 16
  %value = load double, ptr %value.at
  store double %value, ptr %slot
  ret i1 true
double.int:
  br i1 %whole, label %double.convert, label %no
double.convert:
  %converted = call double @PyLong_AsDouble(ptr %object)
  %odd = fcmp oeq double %converted, -1.0
  br i1 %odd, label %double.check, label %double.store
double.check:
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %double.store, label %clear
double.store:
  store double %converted, ptr %slot
  ret i1 true

; Only floats, rounded once; what overflows is for the fallback to say.
single:
  br i1 %floating, label %single.read, label %no
single.read:
  %wide.at = getelementptr i8, ptr %object, i64 16
  %wide = load double, ptr %wide.at
  %rounded = fptrunc double %wide to float
  %back = fpext float %rounded to double
  %size = call double @llvm.fabs.f64(double %back)
  %infinite = fcmp oeq double %size, 0x7FF0000000000000
  %changed = fcmp one double %back, %wide
  %overflow = and i1 %infinite, %changed
  store float %rounded, ptr %slot
  %fits = xor i1 %overflow, true
  ret i1 %fits

long:
  br i1 %whole, label %long.convert, label %no
long.convert:
  %integer = call i64 @PyLong_AsLongLong(ptr %object)
  %odd.integer = icmp eq i64 %integer, -1
  br i1 %odd.integer, label %long.check, label %long.store
long.check:
  %long.error = call ptr @PyErr_Occurred()
  %long.fine = icmp eq ptr %long.error, null
  br i1 %long.fine, label %long.store, label %clear
long.store:
  store i64 %integer, ptr %slot
  ret i1 true

truth:
  %true.at = getelementptr %Record, ptr %r, i32 0, i32 19
  %true = load ptr, ptr %true.at
  %is.true = icmp eq ptr %object, %true
  %byte = zext i1 %is.true to i8
  store i8 %byte, ptr %slot
  ret i1 %is.bool

clear:
  call void @PyErr_Clear()
  br label %no
no:
  ret i1 false
}

; Return the data of an array of `size` float64 with these flags, else null.
define internal ptr @vector(ptr %r, ptr %object, i64 %size, i32 %flags) {
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  %array.at = getelementptr %Record, ptr %r, i32 0, i32 21
  %array = load ptr, ptr %array.at
  %is.array = icmp eq ptr %type, %array
  br i1 %is.array, label %read, label %no
read:
  %data.at = getelementptr i8, ptr %object, i64 16
  %data = load ptr, ptr %data.at
  %rank.at = getelementptr i8, ptr %object, i64 24
  %rank = load i32, ptr %rank.at
  %descr.at = getelementptr i8, ptr %object, i64 56
  %descr = load ptr, ptr %descr.at
  %known.at = getelementptr i8, ptr %object, i64 64
  %known = load i32, ptr %known.at
  %masked = and i32 %known, %flags
  %right.flags = icmp eq i32 %masked, %flags
  %float64.at = getelementptr %Record, ptr %r, i32 0, i32 22
  %float64 = load ptr, ptr %float64.at
  %is.float64 = icmp eq ptr %descr, %float64
  %right.rank = icmp eq i32 %rank, 1
  %right = and i1 %right.flags, %right.rank
  br i1 %right, label %judge, label %no
judge:
  br i1 %is.float64, label %measure, label %compare
compare: ; an array that was pickled has a dtype of its own
  %descr.type.at = getelementptr i8, ptr %descr, i64 8
  %descr.type = load ptr, ptr %descr.type.at
  %float64.type.at = getelementptr i8, ptr %float64, i64 8
  %float64.type = load ptr, ptr %float64.type.at
  %same.type = icmp eq ptr %descr.type, %float64.type
  %order.at = getelementptr i8, ptr %descr, i64 26
  %order = load i8, ptr %order.at
  %native = icmp eq i8 %order, 61
  %equal = and i1 %same.type, %native
  br i1 %equal, label %measure, label %no
measure:
  %shape.at = getelementptr i8, ptr %object, i64 32
  %shape = load ptr, ptr %shape.at
  %length = load i64, ptr %shape
  %right.length = icmp eq i64 %length, %size
  br i1 %right.length, label %yes, label %no
yes:
  ret ptr %data
no:
  ret ptr null
}

; Return the argument given by a name, null for none; most are at the place `first`.
define internal ptr @named(ptr %name, i64 %first, ptr %given, ptr %names, i64 %count) {
  %guess.at = getelementptr ptr, ptr %names, i64 %first
  %guessed = load ptr, ptr %guess.at
  %right = icmp eq ptr %guessed, %name
  br i1 %right, label %found, label %search
search:
  %i = phi i64 [ 0, %0 ], [ %next, %step ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %compare, label %missing
compare:
  %other.at = getelementptr ptr, ptr %names, i64 %i
  %other = load ptr, ptr %other.at
  %same = icmp eq ptr %other, %name
  br i1 %same, label %found, label %step
step:
  %next = add i64 %i, 1
  br label %search
found:
  %place = phi i64 [ %first, %0 ], [ %i, %compare ]
  %object.at = getelementptr ptr, ptr %given, i64 %place
  %object = load ptr, ptr %object.at
  ret ptr %object
missing:
  ret ptr null
}

; Copy a vector's elements to their slots.
define internal void @spread(ptr %in, ptr %places, i64 %first, ptr %data, i64 %size) {
  %ordered = icmp eq ptr %places, null
  br i1 %ordered, label %copy, label %loop
copy:
  %to = getelementptr i64, ptr %in, i64 %first
  %bytes = shl i64 %size, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %data, i64 %bytes, i1 false)
  ret void
loop:
  %i = phi i64 [ 0, %0 ], [ %next, %move ]
  %more = icmp ult i64 %i, %size
  br i1 %more, label %move, label %end
move:
  %from = getelementptr double, ptr %data, i64 %i
  %value = load double, ptr %from
  %k = add i64 %first, %i
  %place.at = getelementptr i64, ptr %places, i64 %k
  %place = load i64, ptr %place.at
  %slot = getelementptr double, ptr %in, i64 %place
  store double %value, ptr %slot
  %next = add i64 %i, 1
  br label %loop
end:
  ret void
}

; Return the core's inputs: `in`, filled, or a vector's own memory; null for no fit.
define internal ptr @arguments(ptr %r, ptr %args, i64 %positional, ptr %names,
                               i64 %by.name, ptr %in) {
  %count.at = getelementptr %Record, ptr %r, i32 0, i32 2
  %count = load i64, ptr %count.at
  %parameters.at = getelementptr %Record, ptr %r, i32 0, i32 3
  %parameters = load ptr, ptr %parameters.at
  %own.at = getelementptr %Record, ptr %r, i32 0, i32 4
  %own = load ptr, ptr %own.at
  %places.at = getelementptr %Record, ptr %r, i32 0, i32 5
  %places = load ptr, ptr %places.at
  %direct.at = getelementptr %Record, ptr %r, i32 0, i32 11
  %direct = load i64, ptr %direct.at
  %given = add i64 %positional, %by.name
  %complete = icmp eq i64 %given, %count
  %rest = getelementptr ptr, ptr %args, i64 %positional
  br i1 %complete, label %loop, label %no
loop:
  %i = phi i64 [ 0, %0 ], [ %next, %done ]
  %k = phi i64 [ 0, %0 ], [ %after, %done ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %pick, label %end
pick:
  %in.place = icmp ult i64 %i, %positional
  br i1 %in.place, label %by.place, label %find
by.place:
  %placed.at = getelementptr ptr, ptr %args, i64 %i
  %placed = load ptr, ptr %placed.at
  br label %read
find:
  %name.at = getelementptr ptr, ptr %own, i64 %i
  %name = load ptr, ptr %name.at
  %first = sub i64 %i, %positional
  %found = call ptr @named(ptr %name, i64 %first, ptr %rest, ptr %names, i64 %by.name)
  %missing = icmp eq ptr %found, null
  br i1 %missing, label %no, label %read
read:
  %object = phi ptr [ %placed, %by.place ], [ %found, %find ]
  %kind.at = getelementptr %Parameter, ptr %parameters, i64 %i, i32 0
  %kind = load i64, ptr %kind.at
  %is.vector = icmp eq i64 %kind, 4
  br i1 %is.vector, label %array, label %scalar
scalar:
  %ordered = icmp eq ptr %places, null
  br i1 %ordered, label %write, label %look
look:
  %place.at = getelementptr i64, ptr %places, i64 %k
  %place = load i64, ptr %place.at
  br label %write
write:
  %slot.place = phi i64 [ %k, %scalar ], [ %place, %look ]
  %slot = getelementptr i64, ptr %in, i64 %slot.place
  %written = call i1 @number(ptr %r, i64 %kind, ptr %object, ptr %slot)
  br i1 %written, label %done, label %no
array:
  %size.at = getelementptr %Parameter, ptr %parameters, i64 %i, i32 1
  %size = load i64, ptr %size.at
  %data = call ptr @vector(ptr %r, ptr %object, i64 %size, i32 257)
  %unfit = icmp eq ptr %data, null
  br i1 %unfit, label %no, label %take
take:
  %as.it.is = icmp ne i64 %direct, 0
  br i1 %as.it.is, label %whole, label %copy
whole:
  ret ptr %data
copy:
  call void @spread(ptr %in, ptr %places, i64 %k, ptr %data, i64 %size)
  br label %done
done:
  %width = phi i64 [ 1, %write ], [ %size, %copy ]
  %next = add i64 %i, 1
  %after = add i64 %k, %width
  br label %loop
end:
  ret ptr %in
no:
  ret ptr null
}

; Run the core, with other threads beside it where the record says so.
define internal void @run(ptr %r, ptr %in, ptr %out) {
  %core.at = getelementptr %Record, ptr %r, i32 0, i32 0
  %core = load ptr, ptr %core.at
  %open.at = getelementptr %Record, ptr %r, i32 0, i32 12
  %open = load i64, ptr %open.at
  %alone = icmp eq i64 %open, 0
  br i1 %alone, label %plain, label %beside
plain:
  call void %core(ptr %in, ptr %out)
  ret void
beside:
  %thread = call ptr @PyEval_SaveThread()
  call void %core(ptr %in, ptr %out)
  call void @PyEval_RestoreThread(ptr %thread)
  ret void
}

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

; METH_FASTCALL | METH_KEYWORDS
define ptr @overbar_pycall(ptr %self, ptr %args, i64 %positional, ptr %kwnames) {
  %small = alloca [256 x i64], align 16
  %record.at = getelementptr i8, ptr %self, i64 $items
  %record = load ptr, ptr %record.at
  %r = getelementptr i8, ptr %record, i64 $bytes
  %bare = icmp eq ptr %kwnames, null
  br i1 %bare, label %ready, label %keywords

keywords:
  %size.at = getelementptr i8, ptr %kwnames, i64 16
  %size = load i64, ptr %size.at
  %no.names = icmp eq i64 %size, 0
  br i1 %no.names, label %fallback, label %own.out
own.out:
  %names = getelementptr i8, ptr %kwnames, i64 $items
  %last = sub i64 %size, 1
  %last.at = getelementptr ptr, ptr %names, i64 %last
  %last.name = load ptr, ptr %last.at
  %out.name.at = getelementptr %Record, ptr %r, i32 0, i32 13
  %out.name = load ptr, ptr %out.name.at
  %is.out = icmp eq ptr %last.name, %out.name
  br i1 %is.out, label %out, label %ready
out:
  %out.place = add i64 %positional, %last
  %out.at = getelementptr ptr, ptr %args, i64 %out.place
  %out.object = load ptr, ptr %out.at
  %none.at = getelementptr %Record, ptr %r, i32 0, i32 20
  %none = load ptr, ptr %none.at
  %is.none = icmp eq ptr %out.object, %none
  br i1 %is.none, label %ready, label %check
check:
  %length.at = getelementptr %Record, ptr %r, i32 0, i32 14
  %length = load i64, ptr %length.at
  %out.data = call ptr @vector(ptr %r, ptr %out.object, i64 %length, i32 1281)
  %unfit = icmp eq ptr %out.data, null
  br i1 %unfit, label %fallback, label %ready

ready:
  %given = phi ptr [ null, %0 ], [ null, %own.out ], [ null, %out ],
                   [ %out.object, %check ]
  %by.name = phi i64 [ 0, %0 ], [ %size, %own.out ], [ %last, %out ], [ %last, %check ]
  %own = phi ptr [ null, %0 ], [ %names, %own.out ], [ %names, %out ],
                 [ %names, %check ]
  %words.at = getelementptr %Record, ptr %r, i32 0, i32 7
  %words = load i64, ptr %words.at
  %is.small = icmp ule i64 %words, 256
  br i1 %is.small, label %start, label %large
large:
  %room = shl i64 %words, 3
  %heap = call ptr @PyMem_RawMalloc(i64 %room)
  %no.heap = icmp eq ptr %heap, null
  br i1 %no.heap, label %memory, label %start
memory:
  %none.left = call ptr @PyErr_NoMemory()
  ret ptr null

start:
  %buffer = phi ptr [ %small, %ready ], [ %heap, %large ]
  %in = call ptr @arguments(ptr %r, ptr %args, i64 %positional, ptr %own, i64 %by.name,
                            ptr %buffer)
  %no.fit = icmp eq ptr %in, null
  br i1 %no.fit, label %finish, label %go
go:
  %inputs.at = getelementptr %Record, ptr %r, i32 0, i32 6
  %inputs = load i64, ptr %inputs.at
  %results = getelementptr i64, ptr %buffer, i64 %inputs
  %stack.word.at = getelementptr %Record, ptr %r, i32 0, i32 8
  %stack.word = load i64, ptr %stack.word.at
  %stack = getelementptr i64, ptr %buffer, i64 %stack.word
  call void @run(ptr %r, ptr %in, ptr %results)
  %made = call ptr @results(ptr %r, ptr %results, ptr %stack, ptr %given)
  br label %finish
finish:
  %result = phi ptr [ null, %start ], [ %made, %go ]
  br i1 %is.small, label %leave, label %release
release:
  call void @PyMem_RawFree(ptr %buffer)
  br label %leave
leave:
  br i1 %no.fit, label %fallback, label %return
return:
  ret ptr %result

fallback:
  %fallback.at = getelementptr %Record, ptr %r, i32 0, i32 1
  %function = load ptr, ptr %fallback.at
  %answer = call ptr @PyObject_Vectorcall(ptr %function, ptr %args, i64 %positional,
                                          ptr %kwnames)
  ret ptr %answer
}
