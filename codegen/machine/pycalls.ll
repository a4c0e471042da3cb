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
  ptr, ; 4 names: array of interned strings, null where there is none to be given by
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
; kind: 0 float64, 1 float32, 2 int64, 3 bool, 4 a vector of `size` float64; then: kind,
; size, and what stands for an argument that is not given, null where it has to be
%Parameter = type { i64, i64, ptr }
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
declare i32 @PyUnicode_Compare(ptr, ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare double @llvm.fabs.f64(double)

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
