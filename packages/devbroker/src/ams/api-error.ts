/** An answer that is an error, as AMS writes it: `{"error":{"code":404,"message":"…","status":"NOT_FOUND"}}`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly status: string;

  constructor(code: number, message: string, status: string) {
    super(message);
    this.code = code;
    this.status = status;
  }

  toJSON(): object {
    return { error: { code: this.code, message: this.message, status: this.status } };
  }
}

export const invalid = (message: string): ApiError => new ApiError(400, message, 'INVALID_ARGUMENT');
export const notFound = (what: string): ApiError => new ApiError(404, `${what} doesn't exist`, 'NOT_FOUND');
export const exists = (what: string): ApiError => new ApiError(409, `${what} already exists`, 'ALREADY_EXISTS');
export const internal = (message: string): ApiError => new ApiError(500, message, 'INTERNAL_SERVER_ERROR');
export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'UNAUTHORIZED');
export const forbidden = (): ApiError => new ApiError(403, 'Access to this resource is forbidden', 'FORBIDDEN');
