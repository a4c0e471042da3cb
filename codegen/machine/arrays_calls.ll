; A builtin function's code over arrays: Python objects in, a core, a list out.
;
; One piece of code serves every function. What differs stands in a record, that the
; function finds through its `self`, a tuple whose first item is a bytes object. What
; does not fit exactly is a TypeError.

%Record = type {
  ptr, ; 0 core: i32 (ptr in, ptr out)
  ptr, ; 1 sizes: void (ptr in, ptr sizes)
  i64, ; 2 number of parameters
  ptr, ; 3 parameters: array of %Parameter
  ptr, ; 4 slots of constants, which are the last of `in`
  i64, ; 5 bytes of these
  i64, ; 6 number of results
  ptr, ; 7 results: array of %Parameter
  ptr, ; 8 numpy.ndarray
  ptr, ; 9 float
  ptr, ; 10 numpy.float64
  ptr, ; 11 int
  ptr, ; 12 bool
  ptr, ; 13 True
  ptr, ; 14 False
  ptr, ; 15 PyArray_New
  ptr, ; 16 TypeError
  ptr, ; 17 IndexError
  ptr, ; 18 OverflowError
  ptr  ; 19 numpy.linalg.LinAlgError
}
; kind: 0 float64, 1 float32, 2 int64, 3 bool, 4 an array; rank: of an array; then of a
; parameter the dtype, an object, and of a result NumPy's number for it
%Parameter = type { i64, i64, ptr }

declare ptr @PyFloat_FromDouble(double)
declare ptr @PyLong_FromLongLong(i64)
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyErr_Occurred()
declare ptr @PyErr_NoMemory()
declare void @PyErr_SetNone(ptr)
declare ptr @PyList_New(i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

; Return a field of the record.
define internal ptr @field(ptr %r, i64 %place) {
  %at = getelementptr ptr, ptr %r, i64 %place
  %value = load ptr, ptr %at
  ret ptr %value
}

; Read an argument into its slots; return how many, 0 where it does not fit, -1 where
; an error is set.
define internal i64 @argument(ptr %r, ptr %parameter, ptr %object, ptr %slot) {
  %kind = load i64, ptr %parameter
  %rank.at = getelementptr %Parameter, ptr %parameter, i32 0, i32 1
  %rank = load i64, ptr %rank.at
  %dtype.at = getelementptr %Parameter, ptr %parameter, i32 0, i32 2
  %dtype = load ptr, ptr %dtype.at
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  switch i64 %kind, label %array [ i64 0, label %double i64 1, label %double
                                   i64 2, label %long i64 3, label %truth ]
double:
  %float = call ptr @field(ptr %r, i64 9)
  %float64 = call ptr @field(ptr %r, i64 10)
  %is.float = icmp eq ptr %type, %float
  %is.float64 = icmp eq ptr %type, %float64
  %is.double = or i1 %is.float, %is.float64
  br i1 %is.double, label %read, label %unfit
read:
  %number.at = getelementptr i8, ptr %object, i64 16
  %number = load double, ptr %number.at
  %single = icmp eq i64 %kind, 1
  br i1 %single, label %narrow, label %wide
narrow:
  %rounded = fptrunc double %number to float
  store float %rounded, ptr %slot
  ret i64 1
wide:
  store double %number, ptr %slot
  ret i64 1
long:
  %int = call ptr @field(ptr %r, i64 11)
  %is.int = icmp eq ptr %type, %int
  br i1 %is.int, label %whole, label %unfit
whole:
  %value = call i64 @PyLong_AsLongLong(ptr %object)
  store i64 %value, ptr %slot
  %odd = icmp eq i64 %value, -1
  br i1 %odd, label %doubt, label %fits
doubt:
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %fits, label %failed
truth:
  %bool = call ptr @field(ptr %r, i64 12)
  %is.bool = icmp eq ptr %type, %bool
  br i1 %is.bool, label %which, label %unfit
which:
  %true = call ptr @field(ptr %r, i64 13)
  %is.true = icmp eq ptr %object, %true
  %bit = zext i1 %is.true to i64
  store i64 %bit, ptr %slot
  br label %fits
array:
  %ndarray = call ptr @field(ptr %r, i64 8)
  %is.array = icmp eq ptr %type, %ndarray
  br i1 %is.array, label %look, label %unfit
look:
  %own.rank.at = getelementptr i8, ptr %object, i64 24
  %own.rank = load i32, ptr %own.rank.at
  %own.wide = sext i32 %own.rank to i64
  %own.dtype.at = getelementptr i8, ptr %object, i64 56
  %own.dtype = load ptr, ptr %own.dtype.at
  %flags.at = getelementptr i8, ptr %object, i64 64
  %flags = load i32, ptr %flags.at
  %order = and i32 %flags, 257
  %a = icmp eq i64 %own.wide, %rank
  %b = icmp eq ptr %own.dtype, %dtype
  %c = icmp eq i32 %order, 257
  %ab = and i1 %a, %b
  %abc = and i1 %ab, %c
  br i1 %abc, label %take, label %unfit
take:
  %data.at = getelementptr i8, ptr %object, i64 16
  %data = load ptr, ptr %data.at
  store ptr %data, ptr %slot
  %sizes.at = getelementptr i8, ptr %object, i64 32
  %sizes = load ptr, ptr %sizes.at
  br label %next
next:
  %k = phi i64 [ 0, %take ], [ %k.next, %copy ]
  %more = icmp slt i64 %k, %rank
  br i1 %more, label %copy, label %copied
copy:
  %from = getelementptr i64, ptr %sizes, i64 %k
  %size = load i64, ptr %from
  %k.next = add i64 %k, 1
  %to = getelementptr i64, ptr %slot, i64 %k.next
  store i64 %size, ptr %to
  br label %next
copied:
  %slots = add i64 %rank, 1
  ret i64 %slots
fits:
  ret i64 1
unfit:
  ret i64 0
failed:
  ret i64 -1
}

; Return a number as a Python object.
define internal ptr @number(ptr %r, i64 %kind, ptr %slot) {
  switch i64 %kind, label %truth [ i64 0, label %double i64 1, label %single
                                   i64 2, label %long ]
double:
  %d = load double, ptr %slot
  br label %float
single:
  %s = load float, ptr %slot
  %s.wide = fpext float %s to double
  br label %float
float:
  %x = phi double [ %d, %double ], [ %s.wide, %single ]
  %a = call ptr @PyFloat_FromDouble(double %x)
  ret ptr %a
long:
  %l = load i64, ptr %slot
  %b = call ptr @PyLong_FromLongLong(i64 %l)
  ret ptr %b
truth:
  %t = load i8, ptr %slot
  %no = icmp eq i8 %t, 0
  %place = select i1 %no, i64 14, i64 13
  %c = call ptr @field(ptr %r, i64 %place)
  call void @Py_IncRef(ptr %c)
  ret ptr %c
}

; METH_FASTCALL
define ptr @overbar_arraycall(ptr %self, ptr %args, i64 %count) {
  %in = alloca [$slots x i64], align 16
  %out = alloca [$slots x i64], align 16
  %shape = alloca [$slots x i64], align 16
  %record.at = getelementptr i8, ptr %self, i64 $items
  %record = load ptr, ptr %record.at
  %r = getelementptr i8, ptr %record, i64 $bytes
  %expected.at = getelementptr %Record, ptr %r, i32 0, i32 2
  %expected = load i64, ptr %expected.at
  %parameters = call ptr @field(ptr %r, i64 3)
  %complete = icmp eq i64 %count, %expected
  br i1 %complete, label %next, label %unfit

next:
  %i = phi i64 [ 0, %0 ], [ %i.next, %taken ]
  %slot = phi i64 [ 0, %0 ], [ %slot.next, %taken ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %take, label %constants
take:
  %object.at = getelementptr ptr, ptr %args, i64 %i
  %object = load ptr, ptr %object.at
  %parameter = getelementptr %Parameter, ptr %parameters, i64 %i
  %place = getelementptr i64, ptr %in, i64 %slot
  %taken.slots = call i64 @argument(ptr %r, ptr %parameter, ptr %object, ptr %place)
  %fits = icmp sgt i64 %taken.slots, 0
  br i1 %fits, label %taken, label %refused
taken:
  %i.next = add i64 %i, 1
  %slot.next = add i64 %slot, %taken.slots
  br label %next
refused:
  %is.unfit = icmp eq i64 %taken.slots, 0
  br i1 %is.unfit, label %unfit, label %nothing
unfit:
  %type.error = call ptr @field(ptr %r, i64 16)
  call void @PyErr_SetNone(ptr %type.error)
  br label %nothing
nothing:
  ret ptr null

constants:
  %given = call ptr @field(ptr %r, i64 4)
  %given.bytes.at = getelementptr %Record, ptr %r, i32 0, i32 5
  %given.bytes = load i64, ptr %given.bytes.at
  %after = getelementptr i64, ptr %in, i64 %slot
  call void @llvm.memcpy.p0.p0.i64(ptr %after, ptr %given, i64 %given.bytes, i1 false)
  %sizes = call ptr @field(ptr %r, i64 1)
  call void %sizes(ptr %in, ptr %shape)
  %wanted.at = getelementptr %Record, ptr %r, i32 0, i32 6
  %wanted = load i64, ptr %wanted.at
  %results = call ptr @field(ptr %r, i64 7)
  %list = call ptr @PyList_New(i64 %wanted)
  %no.list = icmp eq ptr %list, null
  br i1 %no.list, label %nothing, label %rooms

rooms:
  %j = phi i64 [ 0, %constants ], [ %j.next, %roomed ]
  %axis = phi i64 [ 0, %constants ], [ %axis.next, %roomed ]
  %open = icmp slt i64 %j, %wanted
  br i1 %open, label %look, label %run
look:
  %result = getelementptr %Parameter, ptr %results, i64 %j
  %kind = load i64, ptr %result
  %is.array = icmp eq i64 %kind, 4
  br i1 %is.array, label %make, label %roomed
make:
  %rank.at = getelementptr %Parameter, ptr %result, i32 0, i32 1
  %rank = load i64, ptr %rank.at
  %rank.short = trunc i64 %rank to i32
  %dtype.at = getelementptr %Parameter, ptr %result, i32 0, i32 2
  %dtype = load i64, ptr %dtype.at
  %dtype.short = trunc i64 %dtype to i32
  %axes = getelementptr i64, ptr %shape, i64 %axis
  %ndarray = call ptr @field(ptr %r, i64 8)
  %new = call ptr @field(ptr %r, i64 15)
  %array = call ptr %new(ptr %ndarray, i32 %rank.short, ptr %axes, i32 %dtype.short,
                         ptr null, ptr null, i32 0, i32 0, ptr null)
  %no.array = icmp eq ptr %array, null
  br i1 %no.array, label %drop, label %made
made:
  %set = call i32 @PyList_SetItem(ptr %list, i64 %j, ptr %array)
  %data.at = getelementptr i8, ptr %array, i64 16
  %data = load ptr, ptr %data.at
  %room = getelementptr ptr, ptr %out, i64 %j
  store ptr %data, ptr %room
  br label %roomed
roomed:
  %used = phi i64 [ 0, %look ], [ %rank, %made ]
  %j.next = add i64 %j, 1
  %axis.next = add i64 %axis, %used
  br label %rooms

run:
  %core = call ptr @field(ptr %r, i64 0)
  %thread = call ptr @PyEval_SaveThread()
  %status = call i32 %core(ptr %in, ptr %out)
  call void @PyEval_RestoreThread(ptr %thread)
  %fine = icmp eq i32 %status, 0
  br i1 %fine, label %numbers, label %failed
failed:
  switch i32 %status, label %no.memory [ i32 1, label %bad.place i32 3, label %bad.size
                                         i32 4, label %bad.matrix ]
bad.place:
  %index.error = call ptr @field(ptr %r, i64 17)
  call void @PyErr_SetNone(ptr %index.error)
  br label %drop
bad.size:
  %overflow.error = call ptr @field(ptr %r, i64 18)
  call void @PyErr_SetNone(ptr %overflow.error)
  br label %drop
bad.matrix:
  %matrix.error = call ptr @field(ptr %r, i64 19)
  call void @PyErr_SetNone(ptr %matrix.error)
  br label %drop
no.memory:
  %none = call ptr @PyErr_NoMemory()
  br label %drop
drop:
  call void @Py_DecRef(ptr %list)
  ret ptr null

numbers:
  %n = phi i64 [ 0, %run ], [ %n.next, %put ]
  %left = icmp slt i64 %n, %wanted
  br i1 %left, label %each, label %done
each:
  %what.at = getelementptr %Parameter, ptr %results, i64 %n
  %what = load i64, ptr %what.at
  %known = icmp eq i64 %what, 4
  br i1 %known, label %put, label %box
box:
  %from = getelementptr i64, ptr %out, i64 %n
  %boxed = call ptr @number(ptr %r, i64 %what, ptr %from)
  %no.box = icmp eq ptr %boxed, null
  br i1 %no.box, label %drop, label %boxed.put
boxed.put:
  %set.box = call i32 @PyList_SetItem(ptr %list, i64 %n, ptr %boxed)
  br label %put
put:
  %n.next = add i64 %n, 1
  br label %numbers
done:
  ret ptr %list
}
